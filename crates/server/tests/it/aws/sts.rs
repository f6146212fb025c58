//! `sts:GetCallerIdentity`.

use super::door::Door;
use crate::support::sign;

const FORM: &str = "application/x-www-form-urlencoded; charset=utf-8";

impl Door {
    /// Sends a form, with or without a signature for STS.
    fn sts(&self, form: &str, signed: bool) -> (u16, String) {
        let unsigned = vec![("host", "localhost:5000".to_owned()), ("content-type", FORM.to_owned())];
        let headers = if signed { sign(unsigned, &self.key, self.region, "sts", form.as_bytes()) } else { unsigned };
        let answer = self.answer(&headers, form);
        assert_eq!(answer.header("content-type"), Some("text/xml"));
        (answer.status, answer.text())
    }
}

#[test]
fn get_caller_identity_returns_the_signer() {
    const REQUEST: &str = "Action=GetCallerIdentity&Version=2011-06-15";
    let mut door = Door::open();
    let (status, xml) = door.sts(REQUEST, true);
    assert_eq!(status, 200, "{xml}");
    assert!(xml.contains("<Arn>arn:aws:iam::123456789012:root</Arn>") && xml.contains("<Account>123456789012</Account>"), "{xml}");
    for (form, signed, status, code) in [
        (REQUEST, false, 403, "MissingAuthenticationToken"),
        ("Action=AssumeRole&Version=2011-06-15", true, 400, "InvalidAction"),
        ("", true, 400, "InvalidAction"),
    ] {
        let (answered, xml) = door.sts(form, signed);
        assert_eq!(answered, status, "{xml}");
        assert!(xml.contains(&format!("<Type>Sender</Type><Code>{code}</Code>")), "{xml}");
    }
    door.key.secret = "wrong".into();
    let (status, xml) = door.sts(REQUEST, true);
    assert_eq!((status, xml.contains("<Code>SignatureDoesNotMatch</Code>")), (403, true), "{xml}");
    door.key.id = "AKIAUNKNOWN".into();
    let (status, xml) = door.sts(REQUEST, true);
    assert_eq!((status, xml.contains("<Code>InvalidClientTokenId</Code>")), (403, true), "{xml}");
}
