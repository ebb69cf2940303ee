# Only dbaudit: no shell, no package manager, no root. The base contains the certificates of
# public authorities and time zones.
#
#   docker build -t dbaudit .
#   docker run --rm dbaudit demo
#   docker run --rm -v "$PWD:/work" -w /work --user "$(id -u):$(id -g)" \
#     -e DBAUDIT_CLIENT_SECRET dbaudit scan -f html -o report.html
FROM --platform=$BUILDPLATFORM golang:1.26 AS build
ARG TARGETOS TARGETARCH
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download && go mod verify
COPY . .
RUN CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH \
    go build -trimpath -buildvcs=true -ldflags='-s -w -buildid=' -o /dbaudit ./cmd/dbaudit

FROM gcr.io/distroless/static-debian12:nonroot
LABEL org.opencontainers.image.source=https://github.com/dbaudit/dbaudit \
      org.opencontainers.image.description="Audit a Dynamics 365 integration against its vendor's published minimum"
COPY --from=build /dbaudit /usr/local/bin/dbaudit
USER 65532:65532
ENTRYPOINT ["/usr/local/bin/dbaudit"]
CMD ["--help"]
