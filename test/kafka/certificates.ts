/**
 * A certificate authority of the test's own, a broker and a client that it vouches for.
 */
import { execFile } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

export interface Certificates {
  readonly caFile: string;
  /** Key and certificate in one file, as the broker reads them. */
  readonly brokerFile: string;
  readonly client: { readonly certificateFile: string; readonly keyFile: string };
}

/** @param host address of the broker */
export async function makeCertificates(folder: string, host = "127.0.0.1"): Promise<Certificates> {
  const file = (name: string) => join(folder, name);
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  const openssl = (...options: string[]) => run("openssl", options);
  await openssl(
    ...[
      "req",
      "-x509",
      ...key,
      "-keyout",
      file("ca.key"),
      "-out",
      file("ca.crt"),
      "-days",
      "2",
      "-subj",
      "/CN=test authority",
    ],
  );
  const signed = async (name: string, extensions: string) => {
    writeFileSync(file(`${name}.ext`), extensions);
    await openssl("req", ...key, "-keyout", file(`${name}.key`), "-out", file(`${name}.csr`), "-subj", `/CN=${name}`);
    await openssl(
      ...[
        "x509",
        "-req",
        "-in",
        file(`${name}.csr`),
        "-CA",
        file("ca.crt"),
        "-CAkey",
        file("ca.key"),
        "-CAcreateserial",
      ],
      ...["-days", "2", "-extfile", file(`${name}.ext`), "-out", file(`${name}.crt`)],
    );
  };
  await signed("broker", `subjectAltName=IP:${host},DNS:localhost\n`);
  await signed("client", "extendedKeyUsage=clientAuth\n");
  writeFileSync(
    file("broker.pem"),
    readFileSync(file("broker.key"), "utf8") + readFileSync(file("broker.crt"), "utf8"),
  );
  return {
    caFile: file("ca.crt"),
    brokerFile: file("broker.pem"),
    client: { certificateFile: file("client.crt"), keyFile: file("client.key") },
  };
}
