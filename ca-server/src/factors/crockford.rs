//! Crockford's base32, for codes that people type: of case, spaces and dashes nothing depends, and `o`, `i`, `l` are
//! read as the digits they look like.

use zeroize::Zeroizing;

const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// Writes the lowest `5 × chars` bits in groups, with dashes between them.
pub(super) fn write(mut bits: u128, chars: usize, group: usize) -> Zeroizing<String> {
    let mut digits = Zeroizing::new(vec![b'0'; chars]);
    for digit in digits.iter_mut().rev() {
        // The mask keeps the index below the 32 letters there are.
        *digit = ALPHABET.get((bits & 31) as usize).copied().unwrap_or(b'0');
        bits >>= 5;
    }
    let groups: Vec<String> =
        digits.chunks(group).map(|group| String::from_utf8_lossy(group).into_owned()).collect();
    Zeroizing::new(groups.join("-"))
}

/// Reads a text of so many digits as it would be written without groups; `None` when it is none.
pub(super) fn read(typed: &str, chars: usize) -> Option<Zeroizing<String>> {
    let mut digits = Zeroizing::new(String::with_capacity(chars));
    for c in typed.chars().filter(|c| !matches!(c, ' ' | '-')) {
        let upper = match c.to_ascii_uppercase() {
            'O' => '0',
            'I' | 'L' => '1',
            other => other,
        };
        if digits.len() == chars || !upper.is_ascii() || !ALPHABET.contains(&(upper as u8)) {
            return None;
        }
        digits.push(upper);
    }
    (digits.len() == chars).then_some(digits)
}
