//! The landing page at `/`: what this server is, and the commands to begin with.

use crate::http::{Call, Reply, Response};
use crate::quick_start;
use crate::server::Server;
use http::StatusCode;
use http::header::CONTENT_TYPE;

/// The page, with the origin by which it was requested.
pub(crate) async fn page(server: &Server, call: &Call) -> Response {
    let alias = match server.installation.primary_alias(server.installation.account_id()).await {
        Ok(alias) => alias,
        Err(error) => {
            tracing::error!(%error, request_id = call.request_id(), "cannot read the alias for the landing page");
            return Reply::text(StatusCode::SERVICE_UNAVAILABLE, "The registry cannot answer now.\n").into_response();
        }
    };
    let lines = quick_start::commands(&call.origin, &alias, "");
    let page = html(&escaped(alias.as_str()), &escaped(&lines.join("\n")));
    Reply::new(StatusCode::OK, page).with_static(CONTENT_TYPE, "text/html; charset=utf-8").into_response()
}

fn html(alias: &str, lines: &str) -> String {
    format!(
        r#"<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Roadstead: {alias}</title>
<style>body{{font:16px/1.5 sans-serif;max-width:60em;margin:3em auto;padding:0 1em}}pre{{white-space:pre-wrap;overflow-wrap:anywhere;padding:1em;background:#8882}}</style></head>
<body>
<h1>Roadstead</h1>
<p>This is a public container registry. It speaks the Amazon ECR Public API and the OCI distribution protocol.
Its registry alias is <strong>{alias}</strong>: everybody can pull, pushing needs an access key.</p>
<pre>{lines}</pre>
</body>
</html>
"#
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
