//! The SSH wire encoding: byte strings with a length before them, and big-endian integers (RFC 4251 §5).

/// The data ended early, or a length points beyond it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the data ends in the middle of a field")]
pub struct Truncated;

/// Writes SSH wire fields one after the other.
#[derive(Clone, Debug, Default)]
pub struct Writer(Vec<u8>);

impl Writer {
    /// Starts empty, with room for `capacity` bytes.
    pub fn with_capacity(capacity: usize) -> Self {
        Self(Vec::with_capacity(capacity))
    }

    /// Writes bytes as they are, without a length.
    pub fn raw(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.extend_from_slice(bytes);
        self
    }

    /// Writes a `uint32`.
    pub fn u32(&mut self, value: u32) -> &mut Self {
        self.raw(&value.to_be_bytes())
    }

    /// Writes a `uint64`.
    pub fn u64(&mut self, value: u64) -> &mut Self {
        self.raw(&value.to_be_bytes())
    }

    /// Writes a `string`: its length as `uint32`, then its bytes.
    pub fn string(&mut self, bytes: &[u8]) -> &mut Self {
        // Nothing we write comes near 4 GiB; saturating keeps a wrong length detectable instead of wrapping.
        self.u32(u32::try_from(bytes.len()).unwrap_or(u32::MAX)).raw(bytes)
    }

    /// Writes a `string` whose content is written by `content`.
    pub fn nested(&mut self, content: impl FnOnce(&mut Writer)) -> &mut Self {
        let mut inner = Writer::default();
        content(&mut inner);
        self.string(&inner.0)
    }

    /// Gives what was written.
    pub fn finish(self) -> Vec<u8> {
        self.0
    }
}

/// Reads SSH wire fields one after the other; never panics, never allocates.
#[derive(Clone, Debug)]
pub struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// Starts at the beginning of `bytes`.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// Reads `count` bytes as they are.
    pub fn raw(&mut self, count: usize) -> Result<&'a [u8], Truncated> {
        let (head, rest) = self.0.split_at_checked(count).ok_or(Truncated)?;
        self.0 = rest;
        Ok(head)
    }

    /// Reads a `byte`.
    pub fn u8(&mut self) -> Result<u8, Truncated> {
        Ok(self.array::<1>()?[0])
    }

    /// Reads a `uint32`.
    pub fn u32(&mut self) -> Result<u32, Truncated> {
        Ok(u32::from_be_bytes(self.array()?))
    }

    /// Reads a `uint64`.
    pub fn u64(&mut self) -> Result<u64, Truncated> {
        Ok(u64::from_be_bytes(self.array()?))
    }

    /// Reads a `string`.
    pub fn string(&mut self) -> Result<&'a [u8], Truncated> {
        let length = self.u32()?;
        self.raw(usize::try_from(length).map_err(|_| Truncated)?)
    }

    /// Gives what has not been read yet.
    pub fn rest(&self) -> &'a [u8] {
        self.0
    }

    /// Tells whether everything was read.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Truncated> {
        let (head, rest) = self.0.split_first_chunk::<N>().ok_or(Truncated)?;
        self.0 = rest;
        Ok(*head)
    }
}
