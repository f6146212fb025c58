#![no_main]

use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use roadstead::auth::sigv4::{Request, read};
use roadstead_model::Timestamp;

/// 2026-01-01T00:00:00Z, the time at which the seeds were signed.
const NOW: i64 = 1_767_225_600;

// A request as on the wire: the target, the headers, an empty line, the body.
libfuzzer_sys::fuzz_target!(|input: &str| {
    let (head, body) = input.split_once("\n\n").unwrap_or((input, ""));
    let mut lines = head.lines();
    let Ok(uri) = lines.next().unwrap_or_default().parse::<Uri>() else { return };
    let mut headers = HeaderMap::new();
    for line in lines.take(100) {
        let Some((name, value)) = line.split_once(": ") else { continue };
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_bytes(value.as_bytes())) {
            headers.append(name, value);
        }
    }
    let request = Request::new(&Method::POST, &uri, &headers);
    match read(&request, &["ecr-public"], Timestamp::from_seconds(NOW)) {
        Ok(claim) => {
            assert_eq!(claim.service, "ecr-public");
            // The fuzzer cannot guess a signature with this secret.
            assert!(claim.verify(&request, body.as_bytes(), "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY").is_err());
        }
        Err(refusal) => assert!(refusal.exception().ends_with("Exception")),
    }
});
