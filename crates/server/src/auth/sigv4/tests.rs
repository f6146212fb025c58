use super::error::MISMATCH;
use super::*;
use crate::signing::Signer;
use http::{HeaderMap, HeaderName, HeaderValue};
use proptest::prelude::*;
use serde::Deserialize;

const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
/// 2015-08-30T12:36:00Z, when AWS's test vectors were signed.
const SIGNED_AT: Timestamp = Timestamp::from_seconds(1_440_938_160);

#[derive(Deserialize)]
struct Vectors {
    vectors: Vec<Vector>,
}

#[derive(Deserialize)]
struct Vector {
    name: String,
    method: String,
    path: String,
    query: String,
    headers: Vec<(String, String)>,
    body: String,
    canonical: String,
}

impl Vector {
    fn all() -> Vec<Self> {
        let text = include_str!("../../../tests/data/sigv4-vectors.json");
        serde_json::from_str::<Vectors>(text).expect("the vectors are JSON").vectors
    }

    fn named(name: &str) -> Self {
        Self::all().into_iter().find(|vector| vector.name == name).expect(name)
    }

    fn headers(&self) -> HeaderMap {
        let header = |(name, value): &(String, String)| {
            let name = name.parse::<HeaderName>().expect("a header name");
            (name, HeaderValue::from_bytes(value.trim().as_bytes()).expect("a header value"))
        };
        let mut headers = HeaderMap::new();
        for (name, value) in self.headers.iter().map(header) {
            headers.append(name, value);
        }
        headers
    }

    fn set(&mut self, name: &str, value: &str) {
        self.headers.retain(|(other, _)| !other.eq_ignore_ascii_case(name));
        self.headers.push((name.to_owned(), value.to_owned()));
    }

    fn edit(&mut self, name: &str, from: &str, to: &str) {
        let header = self.headers.iter_mut().find(|(other, _)| other.eq_ignore_ascii_case(name)).expect(name);
        assert!(header.1.contains(from), "{from}");
        header.1 = header.1.replace(from, to);
    }

    fn verdict_at(&self, now: Timestamp, secret: &str) -> Result<Claim, SignatureError> {
        let headers = self.headers();
        let request = Request { method: &self.method, path: &self.path, query: &self.query, headers: &headers, authority: None };
        let claim = read(&request, &["service"], now)?;
        claim.verify(&request, self.body.as_bytes(), secret)?;
        Ok(claim)
    }

    fn verdict(&self) -> Result<Claim, SignatureError> {
        self.verdict_at(SIGNED_AT, SECRET)
    }
}

/// The message of a refusal.
fn text(verdict: Result<Claim, SignatureError>) -> String {
    verdict.expect_err("a refusal").to_string()
}

fn vanilla() -> Vector {
    Vector::named("get-vanilla (header)")
}

fn presigned() -> Vector {
    Vector::named("get-vanilla (query)")
}

#[test]
fn the_signing_test_suite_of_aws_is_accepted() {
    let vectors = Vector::all();
    assert!(vectors.len() > 50, "{}", vectors.len());
    for vector in vectors {
        let headers = vector.headers();
        let request = Request { method: &vector.method, path: &vector.path, query: &vector.query, headers: &headers, authority: None };
        let claim = read(&request, &["service"], SIGNED_AT).expect(&vector.name);
        let payload = payload_hash(&request, vector.body.as_bytes()).expect(&vector.name);
        let canonical = canonical::request(&request, &claim.signed_headers, claim.form == Form::Query, &payload);
        assert_eq!(String::from_utf8(canonical.expect("headers")).expect("text"), vector.canonical, "{}", vector.name);
        assert_eq!(claim.verify(&request, vector.body.as_bytes(), SECRET), Ok(()), "{}", vector.name);
        assert_eq!((claim.access_key_id.as_str(), claim.region.as_str()), ("AKIDEXAMPLE", "us-east-1"));
    }
}

#[test]
fn another_secret_body_method_header_or_query_is_a_mismatch() {
    for vector in Vector::all() {
        assert_eq!(text(vector.verdict_at(SIGNED_AT, "another")), MISMATCH, "{}", vector.name);
        let other_method = Vector { method: "PUT".into(), ..vector };
        assert_eq!(text(other_method.verdict()), MISMATCH, "{}", other_method.name);
    }
    for change in [
        |vector: &mut Vector| vector.body = "x".into(),
        |vector: &mut Vector| vector.path = "/x".into(),
        |vector: &mut Vector| vector.query.push_str("&x=y"),
        |vector: &mut Vector| vector.set("host", "example.com"),
    ] {
        for mut vector in [vanilla(), presigned()] {
            change(&mut vector);
            assert_eq!(text(vector.verdict()), MISMATCH, "{}", vector.name);
        }
    }
}

#[test]
fn every_single_character_of_the_signature_counts() {
    let good = vanilla();
    let signature = "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31";
    for at in 0..signature.len() {
        let digit = if &signature[at..=at] == "0" { "1" } else { "0" };
        let mut altered = vanilla();
        altered.edit("authorization", signature, &format!("{}{digit}{}", &signature[..at], &signature[at + 1..]));
        assert_eq!(text(altered.verdict()), MISMATCH);
    }
    for other in ["", "5fa00f", &signature.to_uppercase(), &format!("{signature}00"), "ä"] {
        let mut altered = vanilla();
        altered.edit("authorization", signature, other);
        assert!(altered.verdict().is_err(), "{other}");
    }
    assert!(good.verdict().is_ok());
}

#[test]
fn clocks_may_differ_by_five_minutes() {
    let at = |seconds| vanilla().verdict_at(SIGNED_AT.plus_seconds(seconds), SECRET);
    for good in [-300, 0, 300] {
        assert!(at(good).is_ok(), "{good}");
    }
    assert_eq!(text(at(600)), "Signature expired: 20150830T123600Z is now earlier than 20150830T124100Z (20150830T124600Z - 5 min.)");
    assert_eq!(
        text(at(-600)),
        "Signature not yet current: 20150830T123600Z is still later than 20150830T123100Z (20150830T122600Z + 5 min.)"
    );
    assert!(at(301).is_err() && at(-301).is_err());
}

#[test]
fn a_presigned_url_is_valid_for_as_long_as_it_says() {
    let at = |seconds| presigned().verdict_at(SIGNED_AT.plus_seconds(seconds), SECRET);
    assert!(at(3600).is_ok());
    assert_eq!(text(at(3601)), "Signature expired: 20150830T123600Z is now earlier than 20150830T123601Z (20150830T133601Z - 3600 sec.)");
    assert!(text(at(-301)).starts_with("Signature not yet current: "));
    for bad in ["0", "-1", "604801", "x", ""] {
        let mut vector = presigned();
        vector.query = vector.query.replace("X-Amz-Expires=3600", &format!("X-Amz-Expires={bad}"));
        assert_eq!(text(vector.verdict()), "X-Amz-Expires must be between 1 and 604800 seconds.", "{bad}");
    }
}

#[test]
fn a_request_without_a_signature_has_no_authentication_token() {
    let mut vector = vanilla();
    vector.headers.retain(|(name, _)| name != "Authorization");
    let refusal = vector.verdict().expect_err("no signature");
    assert_eq!(refusal, SignatureError::Missing);
    assert_eq!(
        (refusal.exception(), refusal.to_string().as_str()),
        ("MissingAuthenticationTokenException", "Missing Authentication Token")
    );
}

#[test]
fn an_incomplete_signature_names_what_is_missing_and_nothing_else_of_the_header() {
    let with = |authorization: &str| {
        let mut vector = vanilla();
        vector.set("authorization", authorization);
        vector.verdict().expect_err("incomplete")
    };
    let signature = "Authorization header requires 'Signature' parameter. ";
    let all = format!(
        "Authorization header requires 'Credential' parameter. {signature}Authorization header requires 'SignedHeaders' parameter. "
    );
    assert_eq!(with("Bearer secret").to_string(), format!("{all}Authorization=Bearer"));
    assert_eq!(with("AWS4-HMAC-SHA256").to_string(), format!("{all}Authorization=AWS4-HMAC-SHA256"));
    let two = with("AWS4-HMAC-SHA256 Credential=a/b/c/d/e, SignedHeaders=host");
    assert_eq!(two.to_string(), format!("{signature}Authorization=AWS4-HMAC-SHA256"));
    assert_eq!(two.exception(), "IncompleteSignatureException");
    let mut vector = vanilla();
    vector.headers.retain(|(name, _)| name != "X-Amz-Date");
    let time = "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. Authorization=AWS4-HMAC-SHA256";
    assert_eq!(text(vector.verdict()), time);
}

#[test]
fn the_parts_of_the_header_need_no_space_between_them() {
    let mut vector = vanilla();
    vector.edit("authorization", ", ", ",");
    assert!(vector.verdict().is_ok());
}

#[test]
fn the_scope_is_checked_element_by_element() {
    let with = |from: &str, to: &str| {
        let mut vector = vanilla();
        vector.edit("authorization", from, to);
        text(vector.verdict())
    };
    let scope = "20150830/us-east-1/service/aws4_request";
    let elements = "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got";
    assert_eq!(with("/aws4_request", ""), format!("{elements} 'AKIDEXAMPLE/20150830/us-east-1/service'"));
    assert_eq!(with("aws4_request", "aws5"), "Credential should be scoped with a valid terminator: 'aws4_request', not 'aws5'.");
    assert_eq!(with("/service/", "/ecr/"), "Credential should be scoped to correct service: 'service'. ");
    assert_eq!(with(scope, &scope.replace("us-east-1", "eu-west-1")), MISMATCH);
    assert_eq!(
        with("20150830/", "20150831/"),
        "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '20150831' != '20150830', from '20150830T123600Z'."
    );
}

#[test]
fn the_time_may_stand_in_the_date_header() {
    for date in ["20150830T123600Z", "Sun, 30 Aug 2015 12:36:00 GMT"] {
        let mut vector = vanilla();
        vector.headers.retain(|(name, _)| name != "X-Amz-Date");
        vector.set("date", date);
        assert_eq!(text(vector.verdict()), MISMATCH, "x-amz-date was signed");
        assert_eq!(parse_time(date), Some(SIGNED_AT.seconds()));
    }
    for bad in ["", "x", "20150830", "2015-08-30T12:36:00Z", "20151330T123600Z", "2015083 T123600Z", "20150830T12360äZ"] {
        let mut vector = vanilla();
        vector.set("x-amz-date", bad);
        let refusal = text(vector.verdict());
        assert!(refusal.starts_with("Date must be in ISO-8601 'basic format'. Got '") || !bad.is_ascii(), "{bad}: {refusal}");
    }
}

#[test]
fn host_and_target_have_to_be_signed_and_the_names_sorted() {
    let with = |names: &str| {
        let mut vector = vanilla();
        vector.set("x-amz-target", "SpencerFrontendService.DescribeRegistries");
        vector.edit("authorization", "SignedHeaders=host;x-amz-date", &format!("SignedHeaders={names}"));
        text(vector.verdict())
    };
    assert_eq!(with("x-amz-date;x-amz-target"), "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.");
    assert_eq!(with("host;x-amz-date"), "'X-Amz-Target' must be a 'SignedHeader' in the AWS Authorization.");
    assert_eq!(with("host;x-amz-target"), "'X-Amz-Date' must be a 'SignedHeader' in the AWS Authorization.");
    for bad in ["x-amz-date;host;x-amz-target", "Host;x-amz-date;x-amz-target", "host;host;x-amz-date;x-amz-target", "", ";host"] {
        assert_eq!(with(bad), "'SignedHeaders' must be lower-case and sorted.", "{bad}");
    }
    assert_eq!(with("absent;host;x-amz-date;x-amz-target"), MISMATCH);
}

#[test]
fn a_stated_payload_hash_has_to_be_that_of_the_body() {
    let mut vector = Vector::named("post-x-www-form-urlencoded (header)");
    vector.body.push('x');
    assert_eq!(text(vector.verdict()), "The provided 'x-amz-content-sha256' header does not match what was computed.");
}

fn signed(headers: &mut HeaderMap, body_hash: &str, authority: &str) {
    let time = "20150830T123600Z";
    let signer = Signer { key_id: "AKID", secret: SECRET, region: "eu-west-2", service: "ecr-public", time };
    let signed = [("host", authority), ("x-amz-content-sha256", body_hash), ("x-amz-date", time)];
    let authorization = signer.authorization(&signed, body_hash);
    let sent = [("authorization", authorization.as_str()), ("x-amz-security-token", "session")];
    for (name, value) in signed.into_iter().chain(sent).filter(|(name, _)| *name != "host") {
        headers.insert(name, value.parse().expect("a header value"));
    }
}

#[test]
fn the_words_that_s3_takes_in_place_of_a_payload_s_hash_do_not_fit_any_body() {
    for words in ["UNSIGNED-PAYLOAD", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"] {
        let mut headers = HeaderMap::new();
        signed(&mut headers, words, "localhost:8080");
        let request = Request { method: "POST", path: "/", query: "", headers: &headers, authority: Some("localhost:8080") };
        let claim = read(&request, &["ecr-public"], SIGNED_AT).expect("complete");
        assert_eq!(claim.verify(&request, b"anything", SECRET), Err(SignatureError::mismatch()), "{words}");
    }
}

#[test]
fn another_region_and_the_authority_of_http_2_are_accepted() {
    let mut headers = HeaderMap::new();
    signed(&mut headers, &hash_of(b"anything"), "localhost:8080");
    let request = Request { method: "POST", path: "/", query: "", headers: &headers, authority: Some("localhost:8080") };
    let claim = read(&request, &["ecr-public", "sts"], SIGNED_AT).expect("complete");
    assert_eq!(claim.verify(&request, b"anything", SECRET), Ok(()));
    assert_eq!((claim.region.as_str(), claim.service.as_str()), ("eu-west-2", "ecr-public"));
    assert_eq!(claim.security_token.as_deref(), Some("session"));
    let elsewhere = Request { authority: Some("example.com"), ..request };
    assert_eq!(claim.verify(&elsewhere, b"anything", SECRET), Err(SignatureError::mismatch()));
}

proptest! {
    #[test]
    fn an_arbitrary_header_is_refused_without_a_panic(value in "(AWS4-HMAC-SHA256 )?[ -~]{0,80}", date in "[0-9TZ]{0,17}") {
        let mut vector = vanilla();
        vector.set("authorization", value.trim());
        vector.set("x-amz-date", &date);
        prop_assert!(vector.verdict().is_err());
    }

    #[test]
    fn an_arbitrary_query_is_refused_without_a_panic(tail in "[ -~é]{0,60}") {
        let mut vector = presigned();
        let head = "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Date=20150830T123600Z&X-Amz-Expires=9&X-Amz-Credential=a/20150830/r/service/aws4_request";
        vector.query = format!("{head}&X-Amz-SignedHeaders=host&X-Amz-Signature=0&{tail}");
        prop_assert!(vector.verdict().is_err());
        vector.query = tail;
        prop_assert!(vector.verdict().is_err());
    }

    #[test]
    fn arbitrary_paths_and_times_are_canonical_without_a_panic(path in "[/.%a-zé]{0,30}", time in "\\PC{0,20}") {
        let mut vector = vanilla();
        vector.path = path;
        let _ = vector.verdict();
        let _ = parse_time(&time);
    }
}
