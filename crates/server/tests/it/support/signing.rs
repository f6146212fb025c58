//! Signs calls of the AWS API (Signature Version 4). Only to reach the doors: that signatures are verified as AWS does
//! is tested with AWS's own vectors and SDKs, not with this.

use super::Credentials;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

const SIGNED: &str = "content-type;host;x-amz-date;x-amz-target";

/// The headers of a signed call, `host` among them.
pub(super) fn headers(credentials: &Credentials, host: &str, operation: &str, body: &[u8]) -> Vec<(&'static str, String)> {
    let time = jiff::Timestamp::now().strftime("%Y%m%dT%H%M%SZ").to_string();
    let scope = format!("{}/us-east-1/ecr-public/aws4_request", &time[..8]);
    let target = format!("SpencerFrontendService.{operation}");
    let media_type = "application/x-amz-json-1.1";
    let canonical = format!(
        "POST\n/\n\ncontent-type:{media_type}\nhost:{host}\nx-amz-date:{time}\nx-amz-target:{target}\n\n{SIGNED}\n{}",
        hex::encode(Sha256::digest(body))
    );
    let to_sign = format!("AWS4-HMAC-SHA256\n{time}\n{scope}\n{}", hex::encode(Sha256::digest(canonical)));
    let key = scope.split('/').fold(format!("AWS4{}", credentials.secret).into_bytes(), |key, part| mac(&key, part));
    let signature = hex::encode(mac(&key, &to_sign));
    let authorization = format!("AWS4-HMAC-SHA256 Credential={}/{scope}, SignedHeaders={SIGNED}, Signature={signature}", credentials.id);
    vec![
        ("host", host.to_owned()),
        ("content-type", media_type.to_owned()),
        ("x-amz-date", time),
        ("x-amz-target", target),
        ("authorization", authorization),
    ]
}

fn mac(key: &[u8], text: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}
