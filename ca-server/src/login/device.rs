//! Known devices: how an owner gets in while others guess their password.
//!
//! A login leaves a token on the device it came from. Attempts that show it are counted for that device alone and have
//! places of their own in the hash pool. A token that is none, has expired, or is another account's counts as no token
//! at all, in what is answered and in what is counted (F9).
//!
//! Half of a token is random, the other half a keyed hash of it: a flood of made-up tokens never reaches the database.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ca_core::time::UnixSeconds;
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use super::token::{DEVICE, TokenHash};
use super::{Login, LoginError};
use crate::factors::sealing::Sealer;
use crate::ids;
use crate::secret::Secret;
use crate::store::{NewDevice, User};

/// How long a device is known after a login on it, in seconds: 90 days.
pub const KNOWN_SECS: u64 = 90 * 86_400;

/// How many devices of an account are known; one more takes the place of the one not used for longest.
pub const MAX_DEVICES: u32 = 10;

const RANDOM_BYTES: usize = 16;

impl Login {
    /// Reads a device token; `None` when this authority has not made it.
    pub(super) fn genuine(&self, token: Option<&Secret>) -> Option<TokenHash> {
        let token = token?.expose();
        let hash = TokenHash::of(token, DEVICE)?;
        let bytes = Zeroizing::new(URL_SAFE_NO_PAD.decode(token.strip_prefix(DEVICE)?).ok()?);
        let (random, shown) = bytes.split_at_checked(RANDOM_BYTES)?;
        bool::from(tag(&self.setup.sealer, random).ct_eq(shown)).then_some(hash)
    }

    /// Gives the identity of the device, if it is one of this account's; asks the database whatever the account is (F9).
    pub(super) async fn device_of(
        &self,
        token: Option<TokenHash>,
        user: Option<&User>,
    ) -> Result<Option<String>, LoginError> {
        let Some(token) = token else { return Ok(None) };
        let now = self.setup.clock.now().seconds();
        let found = self.setup.store.device(token, now).await?;
        let own = found.filter(|device| user.is_some_and(|user| user.id == device.user_id));
        Ok(own.map(|device| device.id))
    }

    /// Remembers the device of a login that succeeded; gives a token when the device has none that is good.
    pub(super) async fn remember(
        &self,
        user: &User,
        session: &str,
        device: Option<&str>,
        now: UnixSeconds,
    ) -> Result<Option<Secret>, LoginError> {
        let expires_at = now.plus_secs(KNOWN_SECS);
        if let Some(device) = device
            && self.setup.store.touch_device(device, now, expires_at).await?
        {
            return Ok(None);
        }
        let token = generate(&self.setup.sealer)?;
        let Some(hash) = TokenHash::of(token.expose(), DEVICE) else { return Ok(None) };
        let id = ids::new_id(self.setup.clock.now())?;
        let new = NewDevice { id: &id, token: hash, user_id: &user.id, session, created_at: now, expires_at };
        self.setup.store.add_device(&new, MAX_DEVICES).await?;
        Ok(Some(token))
    }
}

fn generate(sealer: &Sealer) -> Result<Secret, ids::NoRandomness> {
    let random = Zeroizing::new(ids::random::<RANDOM_BYTES>()?);
    let bytes = Zeroizing::new([*random, tag(sealer, random.as_slice())].concat());
    Ok(Secret::new(format!("{DEVICE}{}", *Zeroizing::new(URL_SAFE_NO_PAD.encode(bytes.as_slice())))))
}

fn tag(sealer: &Sealer, random: &[u8]) -> [u8; RANDOM_BYTES] {
    let whole = sealer.tag("device", &Zeroizing::new(hex::encode(random)));
    let mut tag = [0; RANDOM_BYTES];
    tag.copy_from_slice(&whole[..RANDOM_BYTES]);
    tag
}
