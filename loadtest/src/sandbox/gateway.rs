//! The gateway itself: who may ask, what is done once, and what is answered. Knows nothing of sockets.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use hmac::{Hmac, KeyInit, Mac};
use serde::de::DeserializeOwned;
use serde_json::json;
use sha2::Sha256;

use super::answer::{Answer, Refusal, Wire};
use super::faults::{Fault, Faults, SplitMix};
use super::idempotency::{Begin, Digest, Keys};
use super::ledger::{Charge, Ledger, RefundOrder};
use super::order::{
    CardFace, NoFields, RefundRequest, TokenRequest, VoidByReferenceRequest, check_amount, check_reference,
};
use super::payment::Token;

/// Most stored cards.
const TOKENS_MAX: usize = 100_000;
/// Letters of our ids: no run of them reads as a card number.
const ID_LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

/// What a POST asks for.
pub(super) enum Post {
    Pay,
    Void { id: String },
    VoidByReference,
    Refund { id: String },
    Tokenise,
}

/// An authenticated POST.
pub(super) struct PostRequest {
    pub merchant: String,
    pub post: Post,
    pub path: String,
    pub key: Option<String>,
    pub body: zeroize::Zeroizing<Vec<u8>>,
}

pub(super) struct State {
    pub(super) ledger: Ledger,
    pub(super) tokens: HashMap<String, Token>,
    pub(super) faults: Faults,
    keys: Keys,
    random: SplitMix,
    /// Counts the ids given out.
    ids: u64,
}

/// The gateway of one process.
pub(super) struct Gateway {
    /// Keyed digest of a secret → merchant id.
    merchants: Vec<(Digest, String)>,
    /// Random for each process: digests of requests mean nothing outside it.
    digest_key: [u8; 32],
    state: Mutex<State>,
}

impl Gateway {
    /// # Errors
    /// The operating system gave no random bytes.
    pub(super) fn new(merchants: &[(String, String)], seed: u64, faults: Faults) -> std::io::Result<Self> {
        let mut digest_key = [0; 32];
        getrandom::fill(&mut digest_key).map_err(|error| std::io::Error::other(error.to_string()))?;
        let state = State {
            ledger: Ledger::default(),
            tokens: HashMap::new(),
            faults,
            keys: Keys::default(),
            random: SplitMix(seed),
            ids: 0,
        };
        let mut gateway = Self { merchants: Vec::new(), digest_key, state: Mutex::new(state) };
        gateway.merchants = merchants
            .iter()
            .map(|(id, secret)| (gateway.digest(&[b"secret", secret.as_bytes()]), id.clone()))
            .collect();
        Ok(gateway)
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// HMAC-SHA-256 over the parts, each preceded by its length.
    pub(super) fn digest(&self, parts: &[&[u8]]) -> Digest {
        let mut mac =
            Hmac::<Sha256>::new_from_slice(&self.digest_key).expect("HMAC takes a key of any length");
        for part in parts {
            mac.update(&part.len().to_be_bytes());
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }

    /// The merchant of a secret. Compares keyed digests, so that timing tells nothing of the secret.
    pub(super) fn merchant(&self, secret: &str) -> Option<String> {
        let digest = self.digest(&[b"secret", secret.as_bytes()]);
        self.merchants.iter().find(|(known, _)| *known == digest).map(|(_, id)| id.clone())
    }

    /// An id that is new for every process, so that a restarted gateway does not repeat one; and six digits to go with it.
    pub(super) fn new_id(&self, state: &mut State, prefix: &str) -> (String, String) {
        state.ids += 1;
        let digest = self.digest(&[b"id", &state.ids.to_be_bytes()]);
        let letters = digest[..16].iter().map(|byte| char::from(ID_LETTERS[usize::from(byte % 32)]));
        let id = prefix.chars().chain(letters).collect();
        let digits = u32::from_be_bytes([0, digest[16], digest[17], digest[18]]) % 1_000_000;
        (id, format!("{digits:06}"))
    }

    /// Answers a POST: the fault of the moment, then the work, done once for each idempotency key.
    pub(super) async fn post(&self, request: PostRequest) -> Answer {
        let (fault, hang_ms) = {
            let mut state = self.lock();
            let State { faults, random, .. } = &mut *state;
            let fault = if matches!(request.post, Post::Tokenise) { Fault::Ok } else { faults.draw(random) };
            (fault, faults.hang_ms)
        };
        let wire = match fault {
            Fault::TimeoutBefore => return Answer::undone(Wire::HangThenReset(hang_ms)),
            Fault::ResetBefore => return Answer::undone(Wire::Reset),
            Fault::E500Before => return Refusal::INTERNAL.into(),
            Fault::E429 => return Refusal::RATE_LIMITED.into(),
            Fault::Ok | Fault::Decline | Fault::Slow => None,
            Fault::TimeoutAfter => Some(Wire::HangThenReset(hang_ms)),
            Fault::ResetAfter => Some(Wire::Reset),
            Fault::E500After => Some(Wire::Error500),
            Fault::GarbageAfter => Some(Wire::Garbage),
            Fault::TruncatedAfter => Some(Wire::Truncated),
        };
        let delay_ms = if fault == Fault::Slow { hang_ms / 2 } else { 0 };
        let answer = self.once(&request, fault == Fault::Decline, delay_ms).await;
        match wire {
            Some(wire) => answer.over(wire),
            None => answer,
        }
    }

    async fn once(&self, request: &PostRequest, decline: bool, delay_ms: u64) -> Answer {
        let slot = match self.begin(request) {
            Ok(slot) => slot,
            Err(answer) => return answer,
        };
        if delay_ms > 0 {
            tokio::time::sleep(Duration::from_millis(delay_ms)).await;
        }
        let answer = self.work(request, decline).await;
        if let Some(key) = slot {
            self.lock().keys.finish(&key, &answer);
        }
        answer
    }

    /// Takes the idempotency key, if there is one to take; `Err` is the answer when the work is not to be done.
    fn begin(&self, request: &PostRequest) -> Result<Option<Digest>, Answer> {
        let Some(key) = &request.key else {
            let needed = matches!(request.post, Post::Pay | Post::Refund { .. });
            return if needed { Err(Refusal::MISSING_KEY.into()) } else { Ok(None) };
        };
        if !(1..=64).contains(&key.len()) || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Refusal::INVALID_KEY.into());
        }
        let slot = self.digest(&[b"key", request.merchant.as_bytes(), key.as_bytes()]);
        let fingerprint = self.digest(&[b"body", request.path.as_bytes(), &request.body]);
        let mut state = self.lock();
        if !state.faults.idempotency {
            return Ok(None);
        }
        match state.keys.begin(slot, fingerprint, Instant::now()) {
            Begin::Run => Ok(Some(slot)),
            Begin::Replay(answer) => Err(answer),
            Begin::InProgress => Err(Refusal::IN_PROGRESS.into()),
            Begin::Mismatch => Err(Refusal::MISMATCH.into()),
            Begin::Full => Err(Refusal::CAPACITY.into()),
        }
    }

    async fn work(&self, request: &PostRequest, decline: bool) -> Answer {
        let merchant = request.merchant.as_str();
        match &request.post {
            Post::Pay => self.pay(merchant, &request.body, decline).await,
            Post::Void { id } => self.void(merchant, id, &request.body).into(),
            Post::VoidByReference => self.void_by_reference(merchant, &request.body).into(),
            Post::Refund { id } => self.refund(merchant, id, &request.body).into(),
            Post::Tokenise => self.tokenise(merchant, &request.body).into(),
        }
    }

    fn void(&self, merchant: &str, id: &str, body: &[u8]) -> Result<Answer, Refusal> {
        if !body.is_empty() {
            read::<NoFields>(body)?;
        }
        let mut state = self.lock();
        let pending = state.pending();
        let payment = state.ledger.void(merchant, id)?;
        Ok(Answer::ok(&payment.view(Instant::now(), pending)))
    }

    fn void_by_reference(&self, merchant: &str, body: &[u8]) -> Result<Answer, Refusal> {
        let VoidByReferenceRequest { reference } = read(body)?;
        check_reference(&reference)?;
        let now = Instant::now();
        let mut state = self.lock();
        let (pending, lag) = (state.pending(), state.query_lag());
        let payments = state.ledger.void_by_reference(merchant, &reference, now, lag)?;
        let views: Vec<_> = payments.into_iter().map(|payment| payment.view(now, pending)).collect();
        Ok(Answer::ok(&json!({"payments": views})))
    }

    fn refund(&self, merchant: &str, payment_id: &str, body: &[u8]) -> Result<Answer, Refusal> {
        let RefundRequest { amount_minor, reference } = read(body)?;
        check_reference(&reference)?;
        check_amount(amount_minor)?;
        let mut state = self.lock();
        let (id, _) = self.new_id(&mut state, "ref_");
        let order = RefundOrder {
            merchant,
            payment_id,
            id,
            reference: &reference,
            amount_minor,
            now: Instant::now(),
            pending: state.pending(),
            unique: state.faults.idempotency,
        };
        Ok(Answer::ok(&state.ledger.refund(order)?))
    }

    fn tokenise(&self, merchant: &str, body: &[u8]) -> Result<Answer, Refusal> {
        let TokenRequest { card } = read(body)?;
        if card.has_cvc() {
            return Err(Refusal::field("invalid_cvc", "card.cvc", "a security code is never stored"));
        }
        let card = card.read()?;
        let face = card.face.clone();
        let token = self.store(&mut self.lock(), Token { merchant: merchant.to_owned(), card })?;
        Ok(Answer::ok(&TokenView { token: &token, card: &face }))
    }

    /// Keeps a card's face under a new token.
    pub(super) fn store(&self, state: &mut State, stored: Token) -> Result<String, Refusal> {
        if state.tokens.len() >= TOKENS_MAX {
            return Err(Refusal::CAPACITY);
        }
        let (token, _) = self.new_id(state, "tok_");
        state.tokens.insert(token.clone(), stored);
        Ok(token)
    }

    pub(super) fn forget_token(&self, merchant: &str, token: &str) -> Result<Answer, Refusal> {
        let mut state = self.lock();
        if state.tokens.get(token).is_none_or(|stored| stored.merchant != merchant) {
            return Err(Refusal::NOT_FOUND);
        }
        state.tokens.remove(token);
        Ok(Answer::empty())
    }

    pub(super) fn payment(&self, merchant: &str, id: &str) -> Result<Answer, Refusal> {
        let state = self.lock();
        let payment = state.ledger.get(merchant, id)?;
        Ok(Answer::ok(&payment.view(Instant::now(), state.pending())))
    }

    pub(super) fn payments(&self, merchant: &str, reference: &str) -> Result<Answer, Refusal> {
        check_reference(reference)?;
        let (state, now) = (self.lock(), Instant::now());
        let payments = state.ledger.find(merchant, reference, now, state.query_lag())?;
        let views: Vec<_> = payments.into_iter().map(|payment| payment.view(now, state.pending())).collect();
        Ok(Answer::ok(&json!({"payments": views})))
    }

    pub(super) fn charges(&self) -> Vec<Charge> {
        let state = self.lock();
        state.ledger.charges(Instant::now(), state.pending())
    }

    /// Forgets payments, tokens and keys; settings and merchants stay.
    pub(super) fn forget_all(&self) {
        let mut state = self.lock();
        state.ledger = Ledger::default();
        state.tokens = HashMap::new();
        state.keys = Keys::default();
    }
}

impl State {
    pub(super) fn pending(&self) -> Duration {
        Duration::from_millis(self.faults.pending_ms)
    }

    fn query_lag(&self) -> Duration {
        Duration::from_millis(self.faults.query_lag_ms)
    }
}

#[derive(serde::Serialize)]
struct TokenView<'a> {
    token: &'a str,
    card: &'a CardFace,
}

/// Reads a body. The parser's own words are dropped: they may quote a card field.
pub(super) fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Refusal> {
    serde_json::from_slice(body).map_err(|_| Refusal::INVALID_JSON)
}
