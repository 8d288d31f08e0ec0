//! How a password is proven: PLAIN (RFC 4616), and SCRAM (RFC 5802, 7677), which shows it to nobody.

use std::num::NonZeroU32;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::rand::SecureRandom as _;
use ring::{digest, hmac, pbkdf2, rand};

use super::error::{ProducerError, check};
use super::settings::{Mechanism, Password};
use crate::wire::ErrorCode;

/// RFC 7677: with fewer rounds, whoever plays the broker could guess the password from what it is shown.
const FEWEST_ROUNDS: u32 = 4_096;
/// More rounds than any broker asks for would keep the lane busy for a second.
const MOST_ROUNDS: u32 = 1_000_000;

/// Sends a message of the mechanism: the broker's, and how long it stands by its word, ms.
type Exchange<'e> = dyn FnMut(&[u8]) -> Result<(Vec<u8>, i64), ProducerError> + 'e;

/// Proves who we are: how long the broker stands by its word, ms; 0: for ever.
pub(super) fn authenticate(password: &Password, exchange: &mut Exchange<'_>) -> Result<i64, ProducerError> {
    let Password { mechanism, user, password: secret } = password;
    match mechanism {
        Mechanism::Plain => exchange(format!("\0{user}\0{secret}").as_bytes()).map(|(_, lifetime_ms)| lifetime_ms),
        Mechanism::ScramSha256 => scram(&SHA_256, user, secret, &nonce()?, exchange),
        Mechanism::ScramSha512 => scram(&SHA_512, user, secret, &nonce()?, exchange),
    }
}

struct Hash {
    digest: &'static digest::Algorithm,
    hmac: hmac::Algorithm,
    pbkdf2: pbkdf2::Algorithm,
}

static SHA_256: Hash = Hash { digest: &digest::SHA256, hmac: hmac::HMAC_SHA256, pbkdf2: pbkdf2::PBKDF2_HMAC_SHA256 };
static SHA_512: Hash = Hash { digest: &digest::SHA512, hmac: hmac::HMAC_SHA512, pbkdf2: pbkdf2::PBKDF2_HMAC_SHA512 };

fn nonce() -> Result<String, ProducerError> {
    let mut bytes = [0; 24];
    rand::SystemRandom::new().fill(&mut bytes).map_err(|_| ProducerError::Unreachable("there are no random numbers".to_owned()))?;
    Ok(STANDARD.encode(bytes))
}

fn scram(hash: &Hash, user: &str, password: &str, nonce: &str, exchange: &mut Exchange<'_>) -> Result<i64, ProducerError> {
    let nonsense = || ProducerError::Unreachable("SCRAM: the broker's answer makes no sense".to_owned());
    let bare = format!("n={},r={nonce}", user.replace('=', "=3D").replace(',', "=2C"));
    let (first, _) = exchange(format!("n,,{bare}").as_bytes())?;
    let first = String::from_utf8(first).map_err(|_| nonsense())?;
    let (both, salt, rounds) = (field(&first, "r="), field(&first, "s="), field(&first, "i="));
    let both = both.filter(|both| both.starts_with(nonce) && both.len() > nonce.len()).ok_or_else(nonsense)?;
    let salt = salt.and_then(|salt| STANDARD.decode(salt).ok()).ok_or_else(nonsense)?;
    let rounds = rounds
        .and_then(|rounds| rounds.parse().ok())
        .filter(|rounds| (FEWEST_ROUNDS..=MOST_ROUNDS).contains(rounds))
        .and_then(NonZeroU32::new);
    let rounds = rounds.ok_or_else(nonsense)?;

    let mut salted = vec![0; hash.digest.output_len()];
    pbkdf2::derive(hash.pbkdf2, rounds, &salt, password.as_bytes(), &mut salted);
    let key = |key: &[u8]| hmac::Key::new(hash.hmac, key);
    let client_key = hmac::sign(&key(&salted), b"Client Key");
    let stored_key = digest::digest(hash.digest, client_key.as_ref());
    // "biws" are the letters of the first message that say that nothing is bound to the channel.
    let without_proof = format!("c=biws,r={both}");
    let signed = format!("{bare},{first},{without_proof}");
    let signature = hmac::sign(&key(stored_key.as_ref()), signed.as_bytes());
    let proof: Vec<u8> = client_key.as_ref().iter().zip(signature.as_ref()).map(|(key, signature)| key ^ signature).collect();
    let (last, lifetime_ms) = exchange(format!("{without_proof},p={}", STANDARD.encode(proof)).as_bytes())?;

    // That the broker knows the password too is what it shows in turn.
    let last = String::from_utf8(last).map_err(|_| nonsense())?;
    let shown = field(&last, "v=").and_then(|shown| STANDARD.decode(shown).ok()).unwrap_or_default();
    let server_key = hmac::sign(&key(&salted), b"Server Key");
    if hmac::verify(&key(server_key.as_ref()), signed.as_bytes(), &shown).is_err() {
        check("SCRAM: the broker does not know the password", ErrorCode::SASL_AUTHENTICATION_FAILED)?;
    }
    Ok(lifetime_ms)
}

fn field<'m>(message: &'m str, name: &str) -> Option<&'m str> {
    message.split(',').find_map(|field| field.strip_prefix(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of RFC 7677.
    #[test]
    fn the_exchange_of_the_standard() {
        let nonce = "rOprNGfwEbeRWgbNEkqO";
        let both = "rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
        let run = |server_proof: &str| {
            let mut turns = vec![
                (format!("c=biws,r={both},p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="), format!("v={server_proof}")),
                (format!("n,,n=user,r={nonce}"), format!("r={both},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096")),
            ];
            let exchanged = scram(&SHA_256, "user", "pencil", nonce, &mut |message| {
                let (expected, answer) = turns.pop().unwrap();
                assert_eq!(std::str::from_utf8(message).unwrap(), expected);
                Ok((answer.into_bytes(), 7))
            });
            assert!(turns.is_empty());
            exchanged
        };
        assert_eq!(run("6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=").unwrap(), 7);
        let deceived = run("6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G5=").unwrap_err();
        assert!(deceived.is_final(), "{deceived}");
    }

    #[test]
    fn nonsense_is_refused() {
        for answer in [
            "",
            "r=other,s=AA==,i=4096",
            "r=nonce,s=AA==,i=4096",
            "r=nonce2,s=AA==,i=0",
            "r=nonce2,s=AA==,i=4095",
            "r=nonce2,s=AA==,i=2000000",
            "r=nonce2,s=?,i=4096",
            "r=nonce2",
        ] {
            let mut turns = 0;
            let refused = scram(&SHA_512, "a,b=c", "p", "nonce", &mut |message| {
                turns += 1;
                assert_eq!(message, b"n,,n=a=2Cb=3Dc,r=nonce");
                Ok((answer.as_bytes().to_vec(), 0))
            });
            assert_eq!((refused.unwrap_err().is_final(), turns), (false, 1), "{answer}");
        }
    }
}
