//! A bare hyper server with one fixed response: the lower bound for the cost of a small response.

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use std::convert::Infallible;
use tokio::net::TcpListener;

/// The size of a small manifest.
const BODY: [u8; 600] = [b'.'; 600];

/// Serves until the process ends.
pub(crate) async fn serve(address: &str) -> std::io::Result<Infallible> {
    let listener = TcpListener::bind(address).await?;
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        // The client reports errors of a connection.
        tokio::spawn(async { drop(http1::Builder::new().serve_connection(TokioIo::new(stream), service_fn(respond)).await) });
    }
}

async fn respond(_: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    Ok(Response::new(Full::new(Bytes::from_static(&BODY))))
}
