//! The door that answers a request.

use crate::gallery;
use crate::http::{OperationClass, Surface, logo_path};
use http::Method;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Door {
    Aws,
    Oci,
    Gallery,
    Logo,
    Health,
    Readiness,
    Metrics,
    /// The path belongs to a door that does not allow the method. Holds the value of `Allow`.
    WrongMethod(&'static str),
    None,
}

impl Door {
    /// The door for a request to an address of the server.
    pub(super) fn of(surface: Surface, method: &Method, path: &str) -> Self {
        let is_probe = || matches!(path, "/healthz" | "/readyz" | "/metrics");
        if surface == Surface::Public && is_probe() || surface == Surface::Admin && !is_probe() {
            return Self::None;
        }
        let read = *method == Method::GET || *method == Method::HEAD;
        match path {
            "/" if *method == Method::POST => Self::Aws,
            "/" if !read => Self::WrongMethod("GET, HEAD, POST"),
            "/v2" | "/token" | "/token/" => Self::Oci,
            _ if path.starts_with("/v2/") => Self::Oci,
            _ if logo_path::is_one(path) && read => Self::Logo,
            _ if logo_path::is_one(path) => Self::WrongMethod("GET, HEAD"),
            _ if is_probe() && !read => Self::WrongMethod("GET, HEAD"),
            "/healthz" => Self::Health,
            "/readyz" => Self::Readiness,
            "/metrics" => Self::Metrics,
            _ if read || gallery::takes(method, path) => Self::Gallery,
            _ => Self::WrongMethod("GET, HEAD"),
        }
    }

    /// The class of a request until the door knows it better.
    pub(super) fn class(self) -> OperationClass {
        match self {
            Self::Aws => OperationClass::AwsOther,
            Self::Oci => OperationClass::OciOther,
            Self::Gallery => OperationClass::GalleryPage,
            Self::Logo => OperationClass::GalleryAsset,
            Self::Health | Self::Readiness | Self::Metrics => OperationClass::Probe,
            Self::WrongMethod(_) | Self::None => OperationClass::None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_leads_to_its_door() {
        for (method, path, door) in [
            (Method::POST, "/", Door::Aws),
            (Method::GET, "/", Door::Gallery),
            (Method::HEAD, "/", Door::Gallery),
            (Method::PUT, "/", Door::WrongMethod("GET, HEAD, POST")),
            (Method::GET, "/v2", Door::Oci),
            (Method::GET, "/v2/", Door::Oci),
            (Method::PATCH, "/v2/a1b2c3d4/app/blobs/uploads/1", Door::Oci),
            (Method::GET, "/v20/", Door::Gallery),
            (Method::GET, "/token", Door::Oci),
            (Method::POST, "/token/", Door::Oci),
            (Method::GET, "/tokens", Door::Gallery),
            (Method::GET, "/logo/1.png", Door::Logo),
            (Method::PUT, "/logo/1.png", Door::WrongMethod("GET, HEAD")),
            (Method::GET, "/healthz", Door::Health),
            (Method::HEAD, "/readyz", Door::Readiness),
            (Method::GET, "/metrics", Door::Metrics),
            (Method::POST, "/metrics", Door::WrongMethod("GET, HEAD")),
            (Method::GET, "/pier/app:latest", Door::Gallery),
            (Method::POST, "/describeImageTags", Door::Gallery),
            (Method::OPTIONS, "/describeImageTags", Door::Gallery),
            (Method::POST, "/v1", Door::WrongMethod("GET, HEAD")),
        ] {
            assert_eq!(Door::of(Surface::Everything, &method, path), door, "{method} {path}");
        }
    }

    #[test]
    fn probes_are_only_at_the_admin_address_and_nothing_else_is_there() {
        for (path, door) in [("/healthz", Door::Health), ("/readyz", Door::Readiness), ("/metrics", Door::Metrics)] {
            assert_eq!(Door::of(Surface::Admin, &Method::GET, path), door);
            assert_eq!(Door::of(Surface::Admin, &Method::POST, path), Door::WrongMethod("GET, HEAD"));
            assert_eq!(Door::of(Surface::Public, &Method::GET, path), Door::None);
            assert_eq!(Door::of(Surface::Public, &Method::POST, path), Door::None);
        }
        for (method, path) in [(Method::POST, "/"), (Method::GET, "/"), (Method::GET, "/v2/"), (Method::GET, "/token")] {
            assert_eq!(Door::of(Surface::Admin, &method, path), Door::None);
            assert_eq!(Door::of(Surface::Public, &method, path), Door::of(Surface::Everything, &method, path));
        }
    }
}
