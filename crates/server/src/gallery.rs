//! The pages for browsers: the landing page and the logos of repositories.

use crate::http::{Call, Reply, Response, logo_path};
use crate::quick_start;
use crate::server::Server;
use http::StatusCode;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use roadstead_registry::Error;

/// Answers `/` with an introduction to this server and the first commands of a user.
pub(crate) async fn landing_page(server: &Server, call: &Call) -> Response {
    let alias = match server.installation.primary_alias(server.installation.account_id()).await {
        Ok(alias) => alias,
        Err(error) => return unavailable(call, &error),
    };
    let lines = quick_start::commands(&call.origin, &alias, "");
    let page = html(&escaped(alias.as_str()), &escaped(&lines.join("\n")));
    Reply::new(StatusCode::OK, page).with_static(CONTENT_TYPE, "text/html; charset=utf-8").into_response()
}

/// Answers the path of a logo with its image.
pub(crate) async fn logo(server: &Server, call: &Call) -> Response {
    let found = match logo_path::name(call.uri.path()) {
        Some(name) => server.installation.logo(name).await,
        None => Ok(None),
    };
    match found {
        Ok(Some(png)) => Reply::new(StatusCode::OK, png)
            .with_static(CONTENT_TYPE, "image/png")
            .with_static(CACHE_CONTROL, "public, max-age=31536000, immutable")
            .into_response(),
        Ok(None) => Reply::text(StatusCode::NOT_FOUND, "There is no such logo.\n").into_response(),
        Err(error) => unavailable(call, &error),
    }
}

fn unavailable(call: &Call, error: &Error) -> Response {
    tracing::error!(%error, request_id = call.request_id(), "the gallery cannot read from the storage");
    Reply::text(StatusCode::SERVICE_UNAVAILABLE, "The registry cannot answer now.\n").into_response()
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
