//! Platforms of images.

use serde::{Deserialize, Serialize};
use std::fmt;

/// The longest member of a platform in bytes. Values of Go's `GOOS` and `GOARCH` are far shorter; those of Windows versions have 15.
const LONGEST_MEMBER: usize = 64;

/// The most system features of a platform that are read.
const MOST_FEATURES: usize = 8;

/// The operating system and the processor that an image runs on (OCI image specification, "Image Index Property Descriptions").
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Platform {
    #[serde(default)]
    pub os: String,
    #[serde(default)]
    pub architecture: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
    #[serde(default, rename = "os.version", skip_serializing_if = "Option::is_none")]
    pub os_version: Option<String>,
    #[serde(default, rename = "os.features", skip_serializing_if = "Vec::is_empty")]
    pub os_features: Vec<String>,
}

impl Platform {
    /// Reads a platform from a JSON object, such as a descriptor's `platform` or an image's config. `None` if it is malformed, if a member
    /// is longer than any real one, or if it is BuildKit's `unknown/unknown`, which marks attestations.
    pub fn from_json(json: &str) -> Option<Self> {
        serde_json::from_str(json).ok().filter(Self::is_real)
    }

    /// The platform with these members, of which the first two are required. `None` if [`Self::from_json`] would return that.
    pub fn of(os: Option<&str>, architecture: Option<&str>, variant: Option<String>) -> Option<Self> {
        let (os, architecture) = (os?.to_owned(), architecture?.to_owned());
        Some(Self { os, architecture, variant, os_version: None, os_features: Vec::new() }).filter(Self::is_real)
    }

    fn is_real(&self) -> bool {
        let names = |name: &str| !name.is_empty() && name != "unknown";
        let mut members = [&self.os, &self.architecture].into_iter().chain(&self.variant).chain(&self.os_version).chain(&self.os_features);
        names(&self.os)
            && names(&self.architecture)
            && self.os_features.len() <= MOST_FEATURES
            && members.all(|member| member.len() <= LONGEST_MEMBER)
    }
}

/// Formats as containerd does: `linux/arm64/v8`.
impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)?;
        self.variant.as_ref().map_or(Ok(()), |variant| write!(f, "/{variant}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_platform_is_written_as_clients_write_it() {
        let arm = Platform::from_json(r#"{"os":"linux","architecture":"arm64","variant":"v8","extra":[1]}"#);
        assert_eq!(arm.map(|platform| platform.to_string()).as_deref(), Some("linux/arm64/v8"));
        let windows = Platform::from_json(r#"{"os":"windows","architecture":"amd64","os.version":"10.0.20348.2849"}"#);
        assert_eq!(windows.and_then(|platform| platform.os_version).as_deref(), Some("10.0.20348.2849"));
    }

    #[test]
    fn what_is_no_platform_is_none() {
        let long = format!(r#"{{"os":"linux","architecture":"{}"}}"#, "a".repeat(65));
        for text in [r#"{"os":"unknown","architecture":"unknown"}"#, "{}", "[]", "7", r#"{"os":1,"architecture":"amd64"}"#, &long] {
            assert_eq!(Platform::from_json(text), None, "{text}");
        }
    }
}
