# Build with everything, run with as little as there can be.
FROM node:24-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts --omit=optional --no-audit --no-fund
COPY tsconfig.json tsconfig.build.json ./
COPY src src
COPY plugins plugins
RUN npx tsc -p tsconfig.build.json
RUN npm prune --omit=dev --omit=optional --ignore-scripts --no-audit --no-fund

FROM node:24-bookworm-slim
ENV NODE_ENV=production
WORKDIR /app
COPY --from=build /app/node_modules node_modules
COPY --from=build /app/dist dist
COPY package.json ./
COPY bin bin
# A number, so that Kubernetes can see that it is not root.
USER 65532:65532
EXPOSE 8080 8443
# Routes are mounted at /routes; ports below 1024 are shifted out of root's reach.
ENTRYPOINT ["node", "--disable-proto=delete", "bin/banyan.js"]
CMD ["serve", "--dir", "/routes", "--port-offset", "8000"]
