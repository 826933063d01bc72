# syntax=docker/dockerfile:1
# The page behind nginx. Built from the checkout's root: docker build --file deploy/docker/nginx.Dockerfile .
FROM node:22.19.0-bookworm-slim AS build
WORKDIR /page
COPY frontend/package.json frontend/package-lock.json ./
RUN --mount=type=cache,target=/root/.npm npm ci --no-audit --no-fund
COPY frontend ./
RUN npm run generate && npm run build && npm run size && npm run compress

FROM nginx:1.28.0-bookworm
RUN groupadd --system --gid 10001 scene3d \
  && useradd --system --uid 10001 --gid scene3d --no-create-home --home-dir /tmp scene3d
COPY --from=build /page/dist /usr/share/nginx/page
COPY deploy/nginx/nginx.conf deploy/nginx/security_headers.conf /etc/nginx/
USER 10001:10001
EXPOSE 8080 8443 8444
HEALTHCHECK --interval=30s --timeout=5s CMD ["curl", "--silent", "--fail", "http://127.0.0.1:8080/-/alive"]
# its own files are in memory; the folder must be there before it starts
ENTRYPOINT ["sh", "-c", "mkdir -p /tmp/nginx && exec nginx -g 'daemon off;'"]
