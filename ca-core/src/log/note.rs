//! Signed notes: a text and the signatures of one or more keys under it (C2SP signed-note).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::key::{KeyError, check_name};

pub use super::key::{NoteSigner, VerifierKey};

/// The longest note that is parsed, in bytes: room for proofs with many post-quantum cosignatures.
pub const MAX_NOTE_BYTES: usize = 1_000_000;

/// The most signatures that a note may have; the specification asks for at least 16.
pub const MAX_SIGNATURES: usize = 100;

/// What a signature line starts with: an em dash and a space.
const SIGNATURE_MARK: &str = "\u{2014} ";

/// A well-formed note about which nothing else is known: its text must not be believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnverifiedNote {
    note: String,
    text_len: usize,
    signatures: Vec<NoteSignature>,
}

/// One signature line: who claims to have signed, and the signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoteSignature {
    /// The name of the key.
    pub name: String,
    /// The key ID.
    pub key_id: u32,
    /// The signature, in whatever form the key's algorithm gives it.
    pub signature: Vec<u8>,
}

impl UnverifiedNote {
    /// Reads a note from bytes, as they come from the network or from storage.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, NoteError> {
        Self::parse(std::str::from_utf8(bytes).map_err(|_| NoteError::NotUtf8)?)
    }

    /// Reads a note (C2SP signed-note, "Format"), and keeps it word for word.
    pub fn parse(note: &str) -> Result<Self, NoteError> {
        check_characters(note)?;
        // The text may itself contain empty lines: the last one separates.
        let separator = note.rfind("\n\n").ok_or(NoteError::NoSignatures)?;
        let (text, signatures) = (&note[..=separator], &note[separator + 2..]);
        let lines = signatures.strip_suffix('\n').ok_or(NoteError::NoSignatures)?.split('\n');
        let signatures =
            lines.take(MAX_SIGNATURES + 1).map(parse_signature).collect::<Result<Vec<_>, _>>()?;
        if signatures.len() > MAX_SIGNATURES {
            return Err(NoteError::TooManySignatures);
        }
        Ok(Self { note: note.to_owned(), text_len: text.len(), signatures })
    }

    /// The whole note, signatures included, word for word.
    pub fn as_str(&self) -> &str {
        &self.note
    }

    /// The text, which nobody vouches for yet.
    pub fn unverified_text(&self) -> &str {
        &self.note[..self.text_len]
    }

    /// The signature lines, none of them checked: for algorithms that this module does not know.
    pub fn signatures(&self) -> &[NoteSignature] {
        &self.signatures
    }

    /// Verifies the signatures of known keys; at least one must be there (C2SP signed-note, "Signatures").
    ///
    /// Signatures by other keys are ignored. One bad signature in the name of a known key refuses the whole
    /// note, however many good ones there are: such a note was tampered with or made by broken software.
    pub fn verify(self, known: &[VerifierKey]) -> Result<VerifiedNote, NoteError> {
        let mut signed_by: Vec<VerifierKey> = Vec::new();
        for signature in &self.signatures {
            for key in known.iter().filter(|key| signature.claims(key)) {
                if !key.verifies(self.unverified_text(), &signature.signature) {
                    return Err(NoteError::BadSignature {
                        name: key.name().to_owned(),
                        key_id: key.key_id(),
                    });
                }
                if !signed_by.contains(key) {
                    signed_by.push(key.clone());
                }
            }
        }
        if signed_by.is_empty() {
            return Err(NoteError::NoKnownKey);
        }
        Ok(VerifiedNote { note: self, signed_by })
    }
}

impl NoteSignature {
    /// Whether the line names this key: by name and key ID, neither alone is enough.
    fn claims(&self, key: &VerifierKey) -> bool {
        self.key_id == key.key_id() && self.name == key.name()
    }
}

/// A note that at least one known key has signed. Only [`UnverifiedNote::verify`] makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedNote {
    note: UnverifiedNote,
    signed_by: Vec<VerifierKey>,
}

impl VerifiedNote {
    /// The signed text, with its final newline.
    pub fn text(&self) -> &str {
        self.note.unverified_text()
    }

    /// The known keys that signed it, each once.
    pub fn signed_by(&self) -> &[VerifierKey] {
        &self.signed_by
    }

    /// The number of signature lines, those of unknown keys included, which nothing vouches for.
    pub fn signature_count(&self) -> usize {
        self.note.signatures.len()
    }

    /// The whole note, signatures included, word for word.
    pub fn as_str(&self) -> &str {
        self.note.as_str()
    }
}

impl NoteSigner {
    /// Signs a text with this key alone, and returns the note; see [`sign`].
    pub fn sign(&self, text: &str) -> Result<String, NoteError> {
        sign(text, &[self])
    }
}

/// Signs a text with each of the signers, and returns the note.
///
/// The text must end in a newline and have no other control characters.
pub fn sign(text: &str, signers: &[&NoteSigner]) -> Result<String, NoteError> {
    check_characters(text)?;
    if !text.ends_with('\n') {
        return Err(NoteError::TextWithoutNewline);
    }
    if signers.is_empty() {
        return Err(NoteError::NoSignatures);
    }
    let lines = signers.iter().map(|signer| signature_line(text, signer));
    let note = format!("{text}\n{}", lines.collect::<String>());
    // What we sign we must also be able to read, limits included.
    UnverifiedNote::parse(&note)?;
    Ok(note)
}

fn signature_line(text: &str, signer: &NoteSigner) -> String {
    let key = signer.verifier_key();
    let signature = [key.key_id().to_be_bytes().as_slice(), &signer.signature(text)].concat();
    format!("{SIGNATURE_MARK}{} {}\n", key.name(), STANDARD.encode(signature))
}

fn parse_signature(line: &str) -> Result<NoteSignature, NoteError> {
    let malformed = || NoteError::SignatureLine { line: line.chars().take(80).collect() };
    let (name, encoded) =
        line.strip_prefix(SIGNATURE_MARK).and_then(|rest| rest.split_once(' ')).ok_or_else(malformed)?;
    check_name(name)?;
    let bytes = STANDARD.decode(encoded).map_err(|_| malformed())?;
    match bytes.split_first_chunk::<4>() {
        Some((id, signature)) if !signature.is_empty() => Ok(NoteSignature {
            name: name.to_owned(),
            key_id: u32::from_be_bytes(*id),
            signature: signature.to_vec(),
        }),
        _ => Err(malformed()),
    }
}

fn check_characters(text: &str) -> Result<(), NoteError> {
    if text.len() > MAX_NOTE_BYTES {
        return Err(NoteError::TooLong { len: text.len() });
    }
    match text.bytes().position(|byte| byte < 0x20 && byte != b'\n') {
        Some(offset) => Err(NoteError::ControlCharacter { offset }),
        None => Ok(()),
    }
}

/// Reports why a note cannot be read, believed or signed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NoteError {
    /// The bytes are not UTF-8.
    #[error("the note is not UTF-8")]
    NotUtf8,
    /// The note is longer than [`MAX_NOTE_BYTES`].
    #[error("the note has {len} bytes, at most {MAX_NOTE_BYTES} are allowed")]
    TooLong {
        /// The length in bytes.
        len: usize,
    },
    /// There is a control character other than a newline.
    #[error("the note has a control character at byte {offset}")]
    ControlCharacter {
        /// Where it is, in bytes from the start.
        offset: usize,
    },
    /// The text to be signed does not end in a newline.
    #[error("the text of a note must end in a newline")]
    TextWithoutNewline,
    /// There is no empty line followed by complete signature lines.
    #[error("the note does not end in an empty line and signature lines")]
    NoSignatures,
    /// There are more than [`MAX_SIGNATURES`] signature lines.
    #[error("the note has more than {MAX_SIGNATURES} signatures")]
    TooManySignatures,
    /// A line after the last empty line is not a signature line.
    #[error("not a signature line: {line:?}")]
    SignatureLine {
        /// The line, cut to 80 characters.
        line: String,
    },
    /// A signature line names a key by an impossible name.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A known key's signature does not verify.
    #[error("the signature by {name}+{key_id:08x} is not valid")]
    BadSignature {
        /// The name of the key.
        name: String,
        /// The key ID.
        key_id: u32,
    },
    /// None of the known keys signed the note.
    #[error("none of the known keys signed the note")]
    NoKnownKey,
}
