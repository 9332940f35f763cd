ARG FIRST
FROM $FIRST
ARG VERSION
LABEL org.opencontainers.image.version="$VERSION"
USER 0:0
RUN ["node", "--eval", "const fs = require('node:fs'); \
  for (const file of ['package.json', 'dist/package.json']) { \
    const about = { ...JSON.parse(fs.readFileSync(file)), version: process.env.VERSION }; \
    fs.writeFileSync(file, JSON.stringify(about, null, 2)); \
  }"]
USER 65532:65532
