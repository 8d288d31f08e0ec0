# shellcheck shell=bash
# S3: versitygw over a folder, in which each folder is a bucket. Path-style addresses; `If-None-Match: *` is atomic.

s3_version=1.8.0
s3_ready_within_s=30
s3_ports=(S3_PORT)

s3_address() { printf 'http://%s:%s' "$host" "$S3_PORT"; }

s3_install() { install_go_program "versitygw-$s3_version" "github.com/versity/versitygw/cmd/versitygw@v$s3_version"; }

s3_configure() { mkdir -p "$(folder s3)/buckets/playhead-test"; }

s3_command() {
  argv=(
    "$STACK_CACHE/versitygw-$s3_version/versitygw" --access "$s3_access_key" --secret "$s3_secret_key" --region "$s3_region"
    --port "$host:$S3_PORT" --health /health --quiet posix "$(folder s3)/buckets"
  )
}

s3_ready() { answers_http "$(s3_address)/health"; }

s3_env() {
  export_line PLAYHEAD_TEST_S3 "$(s3_address)"
  export_line PLAYHEAD_TEST_S3_PROXIED "http://$host:$S3_PROXY_PORT"
  export_line PLAYHEAD_TEST_S3_BUCKET playhead-test
  export_line PLAYHEAD_TEST_S3_REGION "$s3_region"
  export_line PLAYHEAD_TEST_S3_ACCESS_KEY "$s3_access_key"
  export_line PLAYHEAD_TEST_S3_SECRET_KEY "$s3_secret_key"
}
