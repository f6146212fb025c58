#![no_main]

use http::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use roadstead::auth::credentials::{Credentials, read_authorization};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Ok(value) = HeaderValue::from_bytes(bytes) else { return };
    let headers = HeaderMap::from_iter([(AUTHORIZATION, value)]);
    match read_authorization(&headers) {
        Ok(Some(Credentials::Bearer(token))) => assert!(!token.is_empty()),
        Ok(Some(Credentials::Basic { user, .. })) => assert!(!user.contains(':')),
        Ok(None) => unreachable!("the header is present"),
        Err(_) => {}
    }
});
