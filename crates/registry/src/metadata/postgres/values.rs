//! Parameters and columns in PostgreSQL's binary format.

use crate::metadata::parameters::{Value, storable};
use bytes::{BufMut, BytesMut};
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};

type Failure = Box<dyn std::error::Error + Sync + Send>;

impl ToSql for Value<'_> {
    fn to_sql(&self, kind: &Type, out: &mut BytesMut) -> Result<IsNull, Failure> {
        match *self {
            Self::Null => return Ok(IsNull::Yes),
            Self::Integer(number) => put_integer(number, kind, out)?,
            Self::Boolean(flag) if *kind == Type::BOOL => out.put_u8(u8::from(flag)),
            Self::Text(text) if is_text(kind) => out.put_slice(storable(text).as_bytes()),
            Self::Bytes(bytes) if *kind == Type::BYTEA => out.put_slice(bytes),
            Self::Boolean(_) | Self::Text(_) | Self::Bytes(_) => return Err(mismatch(kind)),
        }
        Ok(IsNull::No)
    }

    /// What a value cannot be is refused by [`Self::to_sql`], which knows the value.
    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

impl<'a> FromSql<'a> for Value<'a> {
    fn from_sql(kind: &Type, raw: &'a [u8]) -> Result<Self, Failure> {
        Ok(match *kind {
            Type::BOOL => Self::Boolean(bool::from_sql(kind, raw)?),
            Type::INT2 => Self::Integer(i16::from_sql(kind, raw)?.into()),
            Type::INT4 => Self::Integer(i32::from_sql(kind, raw)?.into()),
            Type::INT8 => Self::Integer(i64::from_sql(kind, raw)?),
            // Sums of integers.
            Type::NUMERIC => Self::Integer(whole_number(raw).ok_or_else(|| mismatch(kind))?),
            Type::BYTEA => Self::Bytes(raw),
            _ if is_text(kind) => Self::Text(std::str::from_utf8(raw)?),
            _ => return Err(mismatch(kind)),
        })
    }

    fn from_sql_null(_: &Type) -> Result<Self, Failure> {
        Ok(Self::Null)
    }

    /// What a column cannot be is refused by [`Self::from_sql`].
    fn accepts(_: &Type) -> bool {
        true
    }
}

fn is_text(kind: &Type) -> bool {
    matches!(*kind, Type::TEXT | Type::VARCHAR | Type::BPCHAR | Type::NAME | Type::UNKNOWN | Type::JSON)
}

fn put_integer(number: i64, kind: &Type, out: &mut BytesMut) -> Result<(), Failure> {
    match *kind {
        Type::INT8 => out.put_i64(number),
        Type::INT4 => out.put_i32(number.try_into()?),
        Type::INT2 => out.put_i16(number.try_into()?),
        _ => return Err(mismatch(kind)),
    }
    Ok(())
}

/// The value of a `numeric` (PostgreSQL's `numeric_send`: four 16-bit words, then digits to the base 10,000, the first of which has the
/// given weight). `None` if it is no whole number of 64 bits.
fn whole_number(raw: &[u8]) -> Option<i64> {
    const NEGATIVE: u16 = 0x4000;
    let words: Vec<u16> = raw.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect();
    let [count, weight, sign, _scale, digits @ ..] = &words[..] else { return None };
    if !matches!(*sign, 0 | NEGATIVE) || digits.len() != usize::from(*count) {
        return None;
    }
    // Zero has no digits, and its weight says nothing.
    let positions = if digits.is_empty() { 0 } else { i32::from(weight.cast_signed()) + 1 };
    let positions = usize::try_from(positions).ok().filter(|positions| *positions >= digits.len())?;
    let mut number = 0_i64;
    for position in 0..positions {
        let digit = digits.get(position).copied().unwrap_or(0);
        number = number.checked_mul(10_000)?.checked_add(digit.into())?;
    }
    Some(if *sign == NEGATIVE { -number } else { number })
}

fn mismatch(kind: &Type) -> Failure {
    format!("a value does not fit the type {kind}").into()
}

#[cfg(test)]
mod tests {
    use super::whole_number;

    fn numeric(weight: i16, sign: u16, scale: u16, digits: &[u16]) -> Vec<u8> {
        let words = [digits.len() as u16, weight.cast_unsigned(), sign, scale];
        words.iter().chain(digits).flat_map(|word| word.to_be_bytes()).collect()
    }

    #[test]
    fn sums_are_whole_numbers_of_64_bits() {
        let cases = [
            (numeric(0, 0, 0, &[]), Some(0)),
            (numeric(0, 0, 0, &[7]), Some(7)),
            (numeric(1, 0, 0, &[1, 2345]), Some(12_345)),
            (numeric(2, 0, 0, &[5]), Some(500_000_000)),
            (numeric(1, 0x4000, 0, &[1, 1]), Some(-10_001)),
            (numeric(4, 0, 0, &[922, 3372, 368, 5477, 5807]), Some(i64::MAX)),
            (numeric(4, 0, 0, &[922, 3372, 368, 5477, 5808]), None),
            (numeric(0, 0, 2, &[1, 5000]), None),
            (numeric(-1, 0, 2, &[5000]), None),
            (numeric(0, 0xC000, 0, &[]), None),
            (vec![0, 1, 0], None),
        ];
        for (raw, expected) in cases {
            assert_eq!(whole_number(&raw), expected, "{raw:?}");
        }
    }
}
