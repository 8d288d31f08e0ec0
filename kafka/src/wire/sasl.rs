//! Who a client is: what goes to and fro is the mechanism's affair.

use super::{Api, Decoder, Encoder, ErrorCode, Malformed, Request, flexible};

/// Names a mechanism.
pub(crate) struct SaslHandshake<'a> {
    pub(crate) mechanism: &'a str,
}

impl Request for SaslHandshake<'_> {
    const API: Api = Api { name: "SaslHandshake", key: 17, versions: (1, 1), is_flexible: false };
    /// The mechanisms that the broker knows.
    type Answer = (ErrorCode, Vec<String>);

    fn encode(&self, _: i16, out: &mut Encoder<'_>) {
        out.long_string(self.mechanism);
    }

    fn decode(_: i16, from: &mut Decoder<'_>) -> Result<Self::Answer, Malformed> {
        let code = ErrorCode(from.i16()?);
        let mechanisms = (0..from.i32()?).map(|_| from.long_string()).collect::<Result<_, _>>()?;
        Ok((code, mechanisms))
    }
}

/// A message of the mechanism.
pub(crate) struct SaslAuthenticate<'a> {
    pub(crate) message: &'a [u8],
}

/// The broker's.
#[derive(Debug)]
pub(crate) struct SaslAnswer {
    pub(crate) code: ErrorCode,
    pub(crate) error: Option<String>,
    pub(crate) message: Vec<u8>,
    /// After this long the broker closes the connection; 0: never.
    pub(crate) lifetime_ms: i64,
}

impl Request for SaslAuthenticate<'_> {
    const API: Api = flexible("SaslAuthenticate", 36, &(2..=2));
    type Answer = SaslAnswer;

    fn encode(&self, _: i16, out: &mut Encoder<'_>) {
        out.bytes(self.message);
        out.no_tags();
    }

    fn decode(_: i16, from: &mut Decoder<'_>) -> Result<Self::Answer, Malformed> {
        let (code, error) = (ErrorCode(from.i16()?), from.nullable_string()?);
        Ok(SaslAnswer { code, error, message: from.bytes()?.to_vec(), lifetime_ms: from.i64()? })
    }
}
