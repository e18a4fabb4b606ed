//! A key that ssh-agent holds.

use ca_core::ssh::PublicKey;

use super::{Possession, armoured};
use crate::agent::Agent;
use crate::failure::Result;

/// A key in the agent.
pub(crate) struct AgentKey {
    agent: Agent,
    public: PublicKey,
}

impl AgentKey {
    /// Finds the first of these keys that the agent holds.
    pub(crate) fn find(keys: &[PublicKey]) -> Result<Option<Self>> {
        let Some(mut agent) = Agent::from_env()? else { return Ok(None) };
        let held = agent.identities()?;
        let public = keys.iter().find(|key| held.iter().any(|identity| identity.blob == key.blob()));
        Ok(public.cloned().map(|public| Self { agent, public }))
    }
}

impl Possession for AgentKey {
    fn public_key(&self) -> &PublicKey {
        &self.public
    }

    fn sign(&mut self, namespace: &'static str, text: &str) -> Result<String> {
        armoured(&self.public, (namespace, text), |message| self.agent.sign(&self.public, message))
    }
}
