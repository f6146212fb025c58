//! The causes of errors: that of an HTTP client only says that a request could not be sent.

use std::error::Error;
use std::io;

/// The errors that caused an error, from itself to the first cause.
pub fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error| cause(*error))
}

fn cause<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    // An error of IO shows what it wraps, but does not name it as its cause.
    match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        Some(wrapped) => Some(wrapped),
        None => error.source(),
    }
}

/// The texts of an error and of its causes, and what to do where the system has no certificates of authorities.
pub fn with_causes(error: &(dyn Error + 'static)) -> String {
    let mut texts: Vec<String> = Vec::new();
    for text in causes(error).map(ToString::to_string) {
        if !texts.iter().any(|known| known.contains(&text)) {
            texts.push(text);
        }
    }
    let text = texts.join(": ");
    match text.contains("No CA certificates") {
        true => format!("{text}: install those of public authorities (the package ca-certificates)"),
        false => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("cannot send")]
    struct Outer(#[source] io::Error);

    #[test]
    fn an_error_is_told_with_its_causes_each_once() {
        let refused = || io::Error::from(io::ErrorKind::ConnectionRefused);
        assert_eq!(with_causes(&Outer(refused())), "cannot send: connection refused");
        assert_eq!(with_causes(&Outer(io::Error::other(refused()))), "cannot send: connection refused");
        let advised = "cannot send: No CA certificates: install those of public authorities (the package ca-certificates)";
        assert_eq!(with_causes(&Outer(io::Error::other("No CA certificates"))), advised);
    }
}
