# The one image of all roles: `docker build --build-arg VERSION=0.1.0 --tag productmatcher:0.1.0 .`
#
# The same commit gives the same layers: what is in them has the time SOURCE_DATE_EPOCH. The builder is told so too, for the
# folders that it makes itself: `--output type=image,rewrite-timestamp=true` of BuildKit, `--timestamp 0` of buildah.

FROM node:24-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts --no-update-notifier
COPY tsconfig.json tsconfig.build.json ./
COPY crds crds
COPY operator operator
COPY services services
RUN npm run build

# Out goes what nothing in a cluster runs: the embedded engines, the tools of tests and builds, what only people read. Each bill
# of materials would have a time and a number of its own.
ARG SOURCE_DATE_EPOCH=0
RUN npm pkg delete optionalDependencies.chdb optionalDependencies.@electric-sql/pglite devDependencies scripts \
  && npm prune --omit=dev --ignore-scripts --no-update-notifier \
  && find node_modules -type f \( -name '*.ts' -o -name '*.map' -o -name '*.md' \) -delete \
  && rm -rf node_modules/.bin node_modules/.package-lock.json \
  && find node_modules -type d -empty -delete \
  && npm sbom --sbom-format=cyclonedx --omit=dev | node --eval ' \
    const { serialNumber, ...bill } = JSON.parse(require("node:fs").readFileSync(0, "utf8")); \
    delete bill.metadata.timestamp; \
    console.log(JSON.stringify(bill, null, 1))' > sbom.cdx.json \
  && find node_modules dist package.json sbom.cdx.json -exec touch --no-dereference --date="@$SOURCE_DATE_EPOCH" {} +

FROM node:24-bookworm-slim
ARG VERSION=0.0.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="ProductMatcher" \
  org.opencontainers.image.description="Kubernetes-native, real-time recommender platform for e-commerce" \
  org.opencontainers.image.licenses="Apache-2.0" \
  org.opencontainers.image.version="$VERSION" \
  org.opencontainers.image.revision="$REVISION" \
  org.opencontainers.image.base.name="docker.io/library/node:24-bookworm-slim"
ENV NODE_ENV=production
WORKDIR /app
# What changes least comes first.
COPY --from=build /app/node_modules node_modules
COPY LICENSE ./
COPY --from=build /app/package.json /app/sbom.cdx.json ./
COPY --from=build /app/dist dist
# By number: a cluster that demands users other than root cannot look a name up.
USER 65532:65532
# The operations and, of a collector or recommender, its API.
EXPOSE 9090 8080
ENTRYPOINT ["node", "/app/dist/services/cli/main.js"]
CMD ["--help"]
