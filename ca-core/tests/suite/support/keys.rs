//! Keys of every kind whose private halves are here, and signatures by them, good and crooked.

use std::sync::OnceLock;

use aws_lc_rs::digest::{SHA256, SHA512, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{self as lc, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ca_core::issuance::UserCa;
use ca_core::log::hash::sha256;
use ca_core::ssh::{KeyKind, PublicKey, Signature};
use ca_core::wire::Writer;

/// The flag of a security key that somebody touched it.
pub const TOUCHED: u8 = 0x01;

const APPLICATION: &[u8] = b"ssh:";

enum Pair {
    Ed25519(Ed25519KeyPair),
    Ecdsa(EcdsaKeyPair),
    Rsa(RsaKeyPair),
}

/// A key with its private half.
pub struct TestKey {
    kind: KeyKind,
    pair: Pair,
    public: PublicKey,
}

/// Gives this process's key of a kind.
pub fn key(kind: KeyKind) -> &'static TestKey {
    static KEYS: [OnceLock<TestKey>; 7] = [const { OnceLock::new() }; 7];
    let position = super::KINDS.iter().position(|k| *k == kind).unwrap();
    KEYS[position].get_or_init(|| TestKey::generate(kind))
}

/// Writes a sequence of `string` fields.
pub fn strings(fields: &[&[u8]]) -> Vec<u8> {
    let mut writer = Writer::default();
    for field in fields {
        writer.string(field);
    }
    writer.finish()
}

/// Writes the one-line form of any blob.
pub fn line(algorithm: &str, blob: &[u8]) -> String {
    format!("{algorithm} {}", STANDARD.encode(blob))
}

/// Writes an unsigned number as SSH does (RFC 4251 §5).
pub fn mpint(digits: &[u8]) -> Vec<u8> {
    let digits: Vec<u8> = digits.iter().copied().skip_while(|b| *b == 0).collect();
    if digits.first().is_some_and(|b| b & 0x80 != 0) { [vec![0], digits].concat() } else { digits }
}

impl TestKey {
    pub fn generate(kind: KeyKind) -> Self {
        let pair = match kind {
            KeyKind::Ed25519 | KeyKind::SkEd25519 => Pair::Ed25519(Ed25519KeyPair::generate().unwrap()),
            KeyKind::Rsa => Pair::Rsa(RsaKeyPair::generate(KeySize::Rsa3072).unwrap()),
            _ => Pair::Ecdsa(EcdsaKeyPair::generate(curve(kind)).unwrap()),
        };
        let public = PublicKey::from_blob(&blob(kind, &pair)).unwrap();
        Self { kind, pair, public }
    }

    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    pub fn user_ca(&self) -> UserCa {
        UserCa::new(self.public.clone())
    }

    /// Signs as this kind of key should, a security key having been touched.
    pub fn sign(&self, message: &[u8]) -> Signature {
        let name = if self.kind == KeyKind::Rsa { "rsa-sha2-512" } else { self.kind.algorithm() };
        self.sign_as(name, name, TOUCHED, message)
    }

    /// Signs with the algorithm `made`, calls it `named`, and sets a security key's flags.
    pub fn sign_as(&self, made: &str, named: &str, flags: u8, message: &[u8]) -> Signature {
        let trailer = [flags, 0, 0, 0, 9];
        let sk = self.kind.is_security_key();
        let signed = if sk {
            [&sha256(APPLICATION)[..], &trailer, &sha256(message)].concat()
        } else {
            message.to_vec()
        };
        let mut writer = Writer::default();
        writer.string(named.as_bytes()).string(&self.raw_signature(made, &signed));
        if sk {
            writer.raw(&trailer);
        }
        Signature::from_bytes(&writer.finish()).unwrap()
    }

    fn raw_signature(&self, made: &str, message: &[u8]) -> Vec<u8> {
        match &self.pair {
            Pair::Ed25519(pair) => pair.sign(message).as_ref().to_vec(),
            Pair::Ecdsa(pair) => {
                let fixed = pair.sign(&SystemRandom::new(), message).unwrap();
                let (r, s) = fixed.as_ref().split_at(fixed.as_ref().len() / 2);
                strings(&[&mpint(r), &mpint(s)])
            }
            Pair::Rsa(pair) => {
                let padding =
                    if made == "rsa-sha2-256" { &lc::RSA_PKCS1_SHA256 } else { &lc::RSA_PKCS1_SHA512 };
                let mut value = vec![0; pair.public_modulus_len()];
                pair.sign(padding, &SystemRandom::new(), message, &mut value).unwrap();
                value
            }
        }
    }
}

fn curve(kind: KeyKind) -> &'static lc::EcdsaSigningAlgorithm {
    match kind {
        KeyKind::EcdsaP384 => &lc::ECDSA_P384_SHA384_FIXED_SIGNING,
        KeyKind::EcdsaP521 => &lc::ECDSA_P521_SHA512_FIXED_SIGNING,
        _ => &lc::ECDSA_P256_SHA256_FIXED_SIGNING,
    }
}

fn blob(kind: KeyKind, pair: &Pair) -> Vec<u8> {
    let name = kind.algorithm().as_bytes();
    match (kind, pair) {
        (KeyKind::SkEd25519, Pair::Ed25519(p)) => strings(&[name, p.public_key().as_ref(), APPLICATION]),
        (_, Pair::Ed25519(p)) => strings(&[name, p.public_key().as_ref()]),
        (KeyKind::SkEcdsaP256, Pair::Ecdsa(p)) => {
            strings(&[name, b"nistp256", p.public_key().as_ref(), APPLICATION])
        }
        (_, Pair::Ecdsa(p)) => strings(&[name, &name[b"ecdsa-sha2-".len()..], p.public_key().as_ref()]),
        (_, Pair::Rsa(p)) => {
            let (n, e) = rsa_numbers(p.public_key().as_ref());
            strings(&[name, &e, &n])
        }
    }
}

/// Reads modulus and exponent out of an `RSAPublicKey` of 3072 bits (RFC 8017 §A.1.1); DER writes them as SSH does.
fn rsa_numbers(der: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let length = usize::from(u16::from_be_bytes([der[6], der[7]]));
    let (n, e) = der[8..].split_at(length);
    (n.to_vec(), e[2..].to_vec())
}

/// The parts of an SSHSIG, each of which a test may get wrong.
pub struct Sshsig<'a> {
    pub key: &'a PublicKey,
    pub namespace: &'a str,
    pub hash: &'a str,
    pub signature: Signature,
}

/// Gives the bytes that an SSHSIG signs (OpenSSH PROTOCOL.sshsig).
pub fn sshsig_message(namespace: &str, hash: &str, message: &[u8]) -> Vec<u8> {
    let algorithm = if hash == "sha256" { &SHA256 } else { &SHA512 };
    let hashed = digest(algorithm, message);
    let fields = [namespace.as_bytes(), b"", hash.as_bytes(), hashed.as_ref()];
    [b"SSHSIG".to_vec(), strings(&fields)].concat()
}

impl Sshsig<'_> {
    pub fn armoured(&self) -> String {
        let mut writer = Writer::default();
        writer.raw(b"SSHSIG").u32(1).string(self.key.blob()).string(self.namespace.as_bytes());
        writer.string(b"").string(self.hash.as_bytes()).string(&self.signature.to_bytes());
        let base64 = STANDARD.encode(writer.finish());
        format!("-----BEGIN SSH SIGNATURE-----\n{base64}\n-----END SSH SIGNATURE-----\n")
    }
}

/// Proves possession of a key as a good client does.
pub fn prove(key: &TestKey, text: &str) -> String {
    prove_as(key, ca_core::request::NAMESPACE, text)
}

/// The same under another namespace.
pub fn prove_as(key: &TestKey, namespace: &'static str, text: &str) -> String {
    let signature = key.sign(&sshsig_message(namespace, "sha512", text.as_bytes()));
    Sshsig { key: key.public(), namespace, hash: "sha512", signature }.armoured()
}
