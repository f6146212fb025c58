//! The parts of a URL of a database.

use percent_encoding::percent_decode_str;

/// `scheme://[user[:password]@][authority]/[path][?parameters]`, each part decoded.
#[derive(Default)]
pub(super) struct Address {
    pub(super) user: Option<String>,
    pub(super) password: Option<String>,
    /// Host and port as they are written.
    pub(super) authority: String,
    pub(super) path: String,
    pub(super) parameters: Vec<(String, String)>,
}

impl Address {
    /// Parses what follows the scheme. The error completes a sentence, and repeats nothing of the text: it may hold a password.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        if text.contains('#') {
            return Err("contains a '#': write it as %23".to_owned());
        }
        let (place, parameters) = text.split_once('?').unwrap_or((text, ""));
        // A password may contain slashes that someone forgot to encode: the part before the last '@' is never taken for a host.
        let (login, place) = place.rsplit_once('@').map_or((None, place), |(login, place)| (Some(login), place));
        let (authority, path) = place.split_once('/').unwrap_or((place, ""));
        let (user, password) =
            match login.map(|login| login.split_once(':').map_or((login, None), |(user, password)| (user, Some(password)))) {
                Some((user, password)) => (Some(decoded(user, "user")?), password.map(|text| decoded(text, "password")).transpose()?),
                None => (None, None),
            };
        let parameters = parameters.split('&').filter(|parameter| !parameter.is_empty()).map(parameter).collect::<Result<_, _>>()?;
        let given = |text: &String| !text.is_empty();
        let (user, password) = (user.filter(given), password.filter(given));
        Ok(Self { user, password, authority: authority.to_owned(), path: decoded(path, "path")?, parameters })
    }
}

fn parameter(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("has a parameter without a value")?;
    Ok((decoded(name, "name of a parameter")?, decoded(value, "value of a parameter")?))
}

/// Decodes `%2F` and its like. A bare percent sign is refused, because it would be another text in another program.
fn decoded(text: &str, what: &str) -> Result<String, String> {
    let mut escapes = text.split('%').skip(1);
    let is_escape = |after: &str| after.len() >= 2 && after.bytes().take(2).all(|byte| byte.is_ascii_hexdigit());
    if !escapes.all(is_escape) {
        return Err(format!("has a '%' in its {what} that encodes nothing: write it as %25"));
    }
    let decoded = percent_decode_str(text).decode_utf8().map_err(|_| format!("has a {what} that is not UTF-8"))?;
    if decoded.contains('\0') {
        return Err(format!("has a {what} with a null character"));
    }
    Ok(decoded.into_owned())
}
