//! `roadstead healthcheck`: asks the server of the same settings whether it is ready, for containers without a shell or curl.

use super::failure::Failure;
use super::{output, runtime};
use crate::config::{Config, Flags, Sources};
use bytes::Bytes;
use http::header::HOST;
use http::{Request, StatusCode};
use http_body_util::Empty;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use roadstead_registry::AnyCertificate;
use rustls::ClientConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::ServerName;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

const PATH: &str = "/readyz";
/// The server itself gives its storage 5 s. Docker and podman give a health check 30 s by default.
const TIMEOUT: Duration = Duration::from_secs(10);

pub(super) fn run(flags: Flags) -> Result<(), Failure> {
    // Not a usage error: to Docker, every exit code but 0 and 1 is reserved.
    let refuse = |error: crate::config::ConfigError| Failure::Failed(error.to_string());
    let config = Config::from_sources(&Sources::read(flags, std::env::vars_os()).map_err(refuse)?).map_err(refuse)?;
    let (place, is_secure) = match &config.admin_listen {
        Some(admin) => (admin.as_str(), false),
        None => (config.listen.as_str(), config.serves_https()),
    };
    let asked = runtime::on_one_thread()?.block_on(async { tokio::time::timeout(TIMEOUT, ask(place, is_secure)).await });
    let url = format!("{}://{place}{PATH}", if is_secure { "https" } else { "http" });
    match asked {
        Ok(Ok(StatusCode::OK)) => output::write(&format!("ready: {url}\n")),
        Ok(Ok(status)) => Err(Failure::Failed(format!("not ready: {url} answered {status}"))),
        Ok(Err(error)) => Err(Failure::Failed(format!("not ready: {url}: {error}"))),
        Err(_) => Err(Failure::Failed(format!("not ready: {url} did not answer within {} s", TIMEOUT.as_secs()))),
    }
}

async fn ask(place: &str, is_secure: bool) -> io::Result<StatusCode> {
    let addresses: Vec<SocketAddr> = tokio::net::lookup_host(place).await?.map(dialable).collect();
    if addresses.iter().any(|address| address.port() == 0) {
        return Err(io::Error::other("port 0 stands for any free port: set the one that the server listens on"));
    }
    let stream = TcpStream::connect(addresses.as_slice()).await?;
    let peer = stream.peer_addr()?;
    if !is_secure {
        return get(stream, peer).await;
    }
    let connector = TlsConnector::from(Arc::new(client()?));
    get(connector.connect(ServerName::IpAddress(peer.ip().into()), stream).await?, peer).await
}

async fn get(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, peer: SocketAddr) -> io::Result<StatusCode> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
    let request = Request::get(PATH).header(HOST, peer.to_string()).body(Empty::<Bytes>::new()).map_err(io::Error::other)?;
    let answer = async { sender.send_request(request).await };
    tokio::select! {
        answer = answer => answer.map(|answer| answer.status()).map_err(io::Error::other),
        Err(error) = connection => Err(io::Error::other(error)),
    }
}

/// The address of a listener for programs on this machine.
fn dialable(mut address: SocketAddr) -> SocketAddr {
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    address
}

/// A client that accepts any certificate: it asks only the server of its own settings, whose certificate is for another name than
/// the address.
fn client() -> io::Result<ClientConfig> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let verifier = Arc::new(AnyCertificate::of(&provider));
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().map_err(io::Error::other)?;
    Ok(builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth())
}
