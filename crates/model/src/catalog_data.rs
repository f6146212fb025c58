//! Catalog data: the descriptions that a repository's page in the gallery shows.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// The catalog data of a repository (Amazon ECR Public API, `RepositoryCatalogData`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CatalogData {
    pub description: Option<String>,
    /// A long description in Markdown, stored as sent.
    pub about_text: Option<String>,
    /// Usage instructions in Markdown, stored as sent.
    pub usage_text: Option<String>,
    /// Arbitrary strings.
    pub architectures: Vec<String>,
    /// Arbitrary strings.
    pub operating_systems: Vec<String>,
    /// Whether AWS Marketplace certified the repository; callers cannot set it.
    pub marketplace_certified: bool,
    /// The last segment of the logo's URL. A new logo gets a new name.
    pub logo_name: Option<String>,
}

/// The largest logo in bytes (service model, `LogoImageBlob`).
const MAXIMUM_LOGO_BYTES: usize = 512_000;
/// The minimum width and height of a logo in pixels (Amazon ECR Public user guide, "Repository catalog data").
const MINIMUM_LOGO_SIDE: u32 = 60;
/// The maximum width and height of a logo in pixels.
const MAXIMUM_LOGO_SIDE: u32 = 2048;

/// A PNG image within the limits for logos.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logo(Vec<u8>);

/// Why an image was rejected as a logo.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LogoError {
    #[error("must have length less than or equal to 512000")]
    TooLarge,
    /// Not a PNG, or a broken one.
    #[error("must be a PNG image")]
    NotPng,
    /// In pixels.
    #[error("must be between 60 and 2048 pixels wide and high, but is {width} by {height}")]
    Dimensions { width: u32, height: u32 },
}

const SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";

impl Logo {
    /// Validates an image.
    ///
    /// Decodes base64 if necessary: users of AWS CLI version 1 pass a logo as base64, and the CLI encodes it again.
    pub fn parse(sent: Vec<u8>) -> Result<Self, LogoError> {
        let bytes = if sent.starts_with(SIGNATURE) { sent } else { decode(&sent).unwrap_or(sent) };
        if bytes.len() > MAXIMUM_LOGO_BYTES {
            return Err(LogoError::TooLarge);
        }
        let (width, height) = dimensions(&bytes).ok_or(LogoError::NotPng)?;
        let allowed = MINIMUM_LOGO_SIDE..=MAXIMUM_LOGO_SIDE;
        if allowed.contains(&width) && allowed.contains(&height) { Ok(Self(bytes)) } else { Err(LogoError::Dimensions { width, height }) }
    }

    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// Decodes a PNG sent as base64.
fn decode(sent: &[u8]) -> Option<Vec<u8>> {
    let text: Vec<u8> = sent.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
    STANDARD.decode(text).ok().filter(|bytes| bytes.starts_with(SIGNATURE))
}

/// Width and height of a PNG whose chunks run from IHDR to IEND (PNG specification, "Chunk layout").
fn dimensions(bytes: &[u8]) -> Option<(u32, u32)> {
    let mut rest = bytes.strip_prefix(SIGNATURE)?;
    let mut found = None;
    loop {
        let (length, after) = rest.split_first_chunk::<4>()?;
        let (kind, after) = after.split_first_chunk::<4>()?;
        let (data, after) = after.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)?;
        let (_checksum, after) = after.split_first_chunk::<4>()?;
        match (kind, found) {
            (b"IHDR", None) => {
                let (width, data) = data.split_first_chunk::<4>()?;
                let (height, _) = data.split_first_chunk::<4>()?;
                found = Some((u32::from_be_bytes(*width), u32::from_be_bytes(*height)));
            }
            (b"IEND", Some(_)) => return found,
            (_, None) => return None,
            (_, Some(_)) => {}
        }
        rest = after;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn png(width: u32, height: u32, filler: usize) -> Vec<u8> {
        let chunk = |kind: &[u8], data: &[u8]| [&(data.len() as u32).to_be_bytes(), kind, data, &[0; 4]].concat();
        let header = [&width.to_be_bytes()[..], &height.to_be_bytes(), &[8, 6, 0, 0, 0]].concat();
        [SIGNATURE, &chunk(b"IHDR", &header), &chunk(b"IDAT", &vec![0; filler]), &chunk(b"IEND", &[])].concat()
    }

    #[test]
    fn a_png_of_an_acceptable_size_is_a_logo_also_when_encoded_twice() {
        for (width, height) in [(60, 60), (2048, 60), (2048, 2048)] {
            assert!(Logo::parse(png(width, height, 9)).is_ok(), "{width} by {height}");
        }
        let twice = STANDARD.encode(png(100, 100, 9)).into_bytes();
        assert_eq!(Logo::parse(twice).map(|logo| logo.as_bytes().to_vec()), Ok(png(100, 100, 9)));
    }

    #[test]
    fn anything_else_is_refused_with_its_reason() {
        assert_eq!(Logo::parse(png(59, 60, 9)), Err(LogoError::Dimensions { width: 59, height: 60 }));
        assert_eq!(Logo::parse(png(60, 2049, 9)), Err(LogoError::Dimensions { width: 60, height: 2049 }));
        assert_eq!(Logo::parse(png(60, 60, 512_000)), Err(LogoError::TooLarge));
        for broken in [&b"GIF89a"[..], b"", SIGNATURE, &png(60, 60, 9)[..40]] {
            assert_eq!(Logo::parse(broken.to_vec()), Err(LogoError::NotPng));
        }
    }

    proptest! {
        #[test]
        fn checking_never_panics(tail in proptest::collection::vec(any::<u8>(), 0..80)) {
            let _ = Logo::parse([SIGNATURE, &tail].concat());
            let _ = Logo::parse(tail);
        }
    }
}
