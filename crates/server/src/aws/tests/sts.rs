//! `sts:GetCallerIdentity`.

use super::*;

const FORM: &str = "application/x-www-form-urlencoded; charset=utf-8";

impl Door {
    /// Sends a form, signed for STS unless there is no signature to be.
    async fn sts(&self, form: &str, signed: bool) -> (u16, String) {
        let mut headers = HeaderMap::new();
        headers.insert("host", HeaderValue::from_static("localhost:5000"));
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(FORM));
        if signed {
            self.sign(&mut headers, "sts", form);
        }
        let (head, body) = self.answer(headers, form).await;
        assert_eq!(head.headers[CONTENT_TYPE], "text/xml");
        (head.status.as_u16(), String::from_utf8(body.to_vec()).expect("text"))
    }
}

#[tokio::test]
async fn whoever_signs_learns_who_he_is() {
    let mut door = Door::open().await;
    let (status, xml) = door.sts("Action=GetCallerIdentity&Version=2011-06-15", true).await;
    assert_eq!(status, 200, "{xml}");
    assert!(xml.contains("<Arn>arn:aws:iam::123456789012:root</Arn>") && xml.contains("<Account>123456789012</Account>"), "{xml}");
    for (form, signed, status, code) in [
        ("Action=GetCallerIdentity&Version=2011-06-15", false, 403, "MissingAuthenticationToken"),
        ("Action=AssumeRole&Version=2011-06-15", true, 400, "InvalidAction"),
        ("", true, 400, "InvalidAction"),
    ] {
        let (answered, xml) = door.sts(form, signed).await;
        assert_eq!(answered, status, "{xml}");
        assert!(xml.contains(&format!("<Type>Sender</Type><Code>{code}</Code>")), "{xml}");
    }
    door.key.1 = "wrong".into();
    let (status, xml) = door.sts("Action=GetCallerIdentity&Version=2011-06-15", true).await;
    assert_eq!((status, xml.contains("<Code>SignatureDoesNotMatch</Code>")), (403, true), "{xml}");
    door.key.0 = "AKIAUNKNOWN".into();
    let (status, xml) = door.sts("Action=GetCallerIdentity&Version=2011-06-15", true).await;
    assert_eq!((status, xml.contains("<Code>InvalidClientTokenId</Code>")), (403, true), "{xml}");
}
