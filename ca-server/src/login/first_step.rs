//! The first step: a name and a password.

use ca_core::log::event::What;
use ca_core::policy::{Purpose, Source};

use super::audit::FailureReason;
use super::throttle::{self, Admission, DISABLED_AT};
use super::{AccountName, Challenge, Login, LoginError, TokenHash, Typed, canonical, token};
use crate::factors::hash_pool::Place;
use crate::factors::password::Password;
use crate::secret::Secret;
use crate::store::{ChallengeRow, Credentials, User};

/// Where attempts are counted of names without an account, so that they take as much work as others.
const NOBODY: &str = "nobody";

/// What a typed name stands for; whether there is an account shows in nothing a client sees.
struct Account {
    /// What events call it.
    label: String,
    /// Whose failures are counted.
    authenticator: String,
    /// The name whose failures make it wait; none on a known device.
    typed: Option<Typed>,
    /// The known device it is tried on.
    device: Option<String>,
    credentials: Option<Credentials>,
}

impl Login {
    /// Checks a name and a password, shown without a device token, as [`Login::start_on`] does.
    pub async fn start(
        &self,
        name: &str,
        password: &Secret,
        purpose: Purpose,
        source: &Source,
    ) -> Result<Challenge, LoginError> {
        self.start_on(None, name, password, purpose, source).await
    }

    /// Checks a name and a password; gives the challenge that a factor has to answer.
    ///
    /// Refuses with [`LoginError::Overloaded`] before any work is done when too many wait.
    pub async fn start_on(
        &self,
        device: Option<&Secret>,
        name: &str,
        password: &Secret,
        purpose: Purpose,
        source: &Source,
    ) -> Result<Challenge, LoginError> {
        let password = Password::typed(password).map_err(|_| LoginError::PasswordTooLong)?;
        let device = self.genuine(device);
        let place = match device {
            Some(device) => self.setup.hashes.admit_device(device)?,
            None => self.setup.hashes.admit(source.ip)?,
        };
        let account = self.account(name, device).await?;
        let place = match account.device {
            None if device.is_some() => self.move_over(place, source)?,
            _ => place,
        };
        let admission = self.admission(&account, &place, source).await?;
        if let Admission::Wait { secs } = admission {
            let delayed = LoginError::Delayed { retry_after_secs: secs };
            return Err(self.fail(&account.label, source, FailureReason::TooSoon, delayed).await);
        }
        if self.check_password(&account, admission, place, password).await? {
            return self.open_challenge(account, purpose, source).await;
        }
        let reason = self.explain(&account, admission).await?;
        if account.device.is_none() {
            self.charge_source(source).await?;
        }
        Err(self.fail(&account.label, source, reason, LoginError::Refused).await)
    }

    /// Gives a place among all others in exchange for one among known devices.
    fn move_over(&self, place: Place, source: &Source) -> Result<Place, LoginError> {
        drop(place);
        Ok(self.setup.hashes.admit(source.ip)?)
    }

    /// Decides whether the password may be tried now, and counts the attempt if so.
    async fn admission(
        &self,
        account: &Account,
        place: &Place,
        source: &Source,
    ) -> Result<Admission, LoginError> {
        let (store, authenticator, now) = (&self.setup.store, &account.authenticator, self.setup.clock.now());
        let Some(typed) = &account.typed else {
            return Ok(throttle::admit(store, authenticator, now).await?);
        };
        if let Some(secs) = self.source_wait_secs(source).await? {
            return Ok(Admission::Wait { secs });
        }
        // Most of a flood ends here and never waits for its turn to write.
        if let wait @ Admission::Wait { .. } = throttle::foresee(store, &typed.counter.key(), now).await? {
            return Ok(wait);
        }
        let _turn = self.turn(place).await;
        Ok(throttle::admit_named(store, &typed.counter, authenticator, self.setup.clock.now()).await?)
    }

    /// Finds the account of a name, and whether the device is one of its own.
    async fn account(&self, name: &str, device: Option<TokenHash>) -> Result<Account, LoginError> {
        let account = self.named(name).await?;
        let user = account.credentials.as_ref().map(|credentials| &credentials.user);
        Ok(match self.device_of(device, user).await? {
            Some(device) => {
                let authenticator = format!("{}/{device}", account.authenticator);
                Account { authenticator, typed: None, device: Some(device), ..account }
            }
            None => account,
        })
    }

    async fn named(&self, name: &str) -> Result<Account, LoginError> {
        let credentials = match AccountName::parse(name) {
            Some(name) => self.setup.store.credentials(&name).await?,
            None => None,
        };
        let (label, authenticator) = match &credentials {
            Some(Credentials { user, .. }) => (user.name.to_string(), format!("password/{}", user.id)),
            None => (self.label_of_nobody(name), NOBODY.to_owned()),
        };
        let typed = Some(Typed::new(&self.setup.sealer, name));
        Ok(Account { label, authenticator, typed, device: None, credentials })
    }

    /// Gives what events call a name without an account: told from others, and not what was typed, which may be a password.
    fn label_of_nobody(&self, name: &str) -> String {
        let tag = self.setup.sealer.tag("unknown-account", &canonical(name));
        format!("unknown:{}", hex::encode(&tag[..8]))
    }

    /// Compares the password, with the hash of nobody where it cannot be right; the work is the same (F9).
    async fn check_password(
        &self,
        account: &Account,
        admission: Admission,
        place: Place,
        password: Password,
    ) -> Result<bool, LoginError> {
        let usable = account
            .credentials
            .as_ref()
            .filter(|credentials| credentials.user.enabled && admission != Admission::Disabled);
        let stored = usable.map(|credentials| credentials.password.clone());
        let verified = match self.setup.hashes.verify(place, password, stored).await {
            Ok(verified) => verified,
            Err(error) => {
                // The password was not checked, so the attempt does not count.
                if let Some(typed) = &account.typed {
                    self.setup.store.refund(&typed.counter.key()).await?;
                }
                if admission != Admission::Disabled {
                    self.setup.store.refund(&account.authenticator).await?;
                }
                return Err(error.into());
            }
        };
        if let (Some(new), Some(Credentials { user, password: old })) = (verified.rehashed, usable) {
            self.setup.store.rehash_password(&user.id, old, &new).await?;
        }
        Ok(verified.matches && usable.is_some())
    }

    async fn open_challenge(
        &self,
        account: Account,
        purpose: Purpose,
        source: &Source,
    ) -> Result<Challenge, LoginError> {
        let Some(Credentials { user, .. }) = account.credentials else { return Err(LoginError::Refused) };
        let (token, hash) = token::generate(token::CHALLENGE)?;
        let expires_at = self.setup.clock.now().seconds().plus_secs(self.config.challenge_secs);
        let user_id = user.id.clone();
        let mut counters = vec![account.authenticator];
        match account.typed {
            Some(typed) if self.is_no_other(&user, &typed).await? => counters.push(typed.counter.key()),
            Some(typed) => self.setup.store.refund(&typed.counter.key()).await?,
            None => {}
        }
        let challenge = ChallengeRow { user, purpose, source: source.ip, device: account.device };
        self.setup.store.open_challenge(&counters, hash, &challenge, expires_at).await?;
        let factors = self.kinds(&user_id).await?;
        if factors.is_empty() {
            let error = LoginError::NoFactor;
            return Err(self.fail(&account.label, source, FailureReason::NoFactor, error).await);
        }
        Ok(Challenge { token, factors, expires_at })
    }

    /// Tells whether no other account is called as typed: nobody ends the waits of guesses at another by an address of their own.
    async fn is_no_other(&self, user: &User, typed: &Typed) -> Result<bool, LoginError> {
        Ok(match &typed.account {
            Some(name) if *name != user.name => {
                self.setup.store.user(&AccountName::User(name.clone())).await?.is_none()
            }
            _ => true,
        })
    }

    /// Tells why a password was refused, and records that it is disabled when this was one failure too many.
    async fn explain(&self, account: &Account, admission: Admission) -> Result<FailureReason, LoginError> {
        let Some(credentials) = &account.credentials else { return Ok(FailureReason::UnknownAccount) };
        if let Admission::Try { failures: failures @ DISABLED_AT.. } = admission {
            let user = credentials.user.name.clone();
            let factor = match &account.device {
                Some(device) => format!("password/{device}"),
                None => "password".to_owned(),
            };
            self.setup.audit.record(What::FactorDisabled { user, factor, failures }).await?;
        }
        if let (Some(device), Admission::Try { failures: DISABLED_AT.. } | Admission::Disabled) =
            (&account.device, admission)
        {
            // Its next attempts are those of an unknown device.
            self.setup.store.remove_device(device).await?;
        }
        Ok(match admission {
            Admission::Disabled => FailureReason::FactorDisabled,
            _ if !credentials.user.enabled => FailureReason::AccountDisabled,
            _ => FailureReason::WrongPassword,
        })
    }
}
