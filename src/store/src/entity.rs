//! The tables as sea-orm sees them. `migrations` tells their constraints.

/// What an agent set out to collect.
pub(crate) mod payment {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "payment")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: String,
        pub tenant_id: String,
        pub call_id: String,
        pub agent: String,
        pub account: String,
        pub amount_minor: i64,
        pub currency: String,
        pub created_at: String,
    }

    #[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

/// One try at one payment.
pub(crate) mod attempt {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "attempt")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: String,
        pub tenant_id: String,
        pub payment_id: String,
        pub call_id: String,
        pub agent: String,
        pub account: String,
        pub gateway: String,
        pub merchant: String,
        pub idempotency_key: String,
        pub amount_minor: i64,
        pub currency: String,
        pub brand: String,
        pub first6: String,
        pub last4: String,
        pub expiry: String,
        pub state: String,
        pub fence: i64,
        pub deadline_at: String,
        pub outcome: Option<String>,
        pub auth_code: Option<String>,
        pub gateway_ref: Option<String>,
        pub network_transaction_id: Option<String>,
        pub token: Option<String>,
        pub decline_class: Option<String>,
        pub scheme_code: Option<String>,
        pub advice: Option<String>,
        pub gateway_code: Option<String>,
        pub say: Option<String>,
        pub unknown_why: Option<String>,
        pub check_cvc: Option<String>,
        pub check_house: Option<String>,
        pub check_postcode: Option<String>,
        pub created_at: String,
        pub concluded_at: Option<String>,
    }

    #[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

/// One line of double entry.
pub(crate) mod ledger_entry {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "ledger_entry")]
    pub struct Model {
        pub tenant_id: String,
        #[sea_orm(primary_key, auto_increment = false)]
        pub attempt_id: String,
        #[sea_orm(primary_key, auto_increment = false)]
        pub fence: i64,
        #[sea_orm(primary_key, auto_increment = false)]
        pub account: String,
        pub minor: i64,
        pub currency: String,
        pub created_at: String,
    }

    #[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

/// What has to be told to others.
pub(crate) mod outbox {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "outbox")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: String,
        pub tenant_id: String,
        pub topic: String,
        pub object: String,
        pub payload: String,
        pub created_at: String,
        pub delivered_at: Option<String>,
        pub attempts: i64,
        pub lease_until: Option<String>,
        pub given_up_at: Option<String>,
    }

    #[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

/// Who did what.
pub(crate) mod audit {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "audit")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub tenant_id: String,
        #[sea_orm(primary_key, auto_increment = false)]
        pub seq: i64,
        pub who: String,
        pub what: String,
        pub at: String,
        pub result: String,
        pub origin: String,
        pub object: String,
        pub prev_hash: String,
        pub hash: String,
    }

    #[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

/// The end of a tenant's audit chain.
pub(crate) mod audit_head {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "audit_head")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub tenant_id: String,
        pub seq: i64,
        pub hash: String,
    }

    #[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

/// One call.
pub(crate) mod call_record {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "call_record")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: String,
        pub tenant_id: String,
        pub route: String,
        pub agent: Option<String>,
        pub caller: Option<String>,
        pub started_at: String,
        pub secured_at: Option<String>,
        pub ended_at: Option<String>,
        pub ended_why: Option<String>,
        pub keys: i64,
        pub scope: Option<String>,
        pub wrapped_at: Option<String>,
        pub evidence: Option<String>,
    }

    #[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

/// One agent signed in.
pub(crate) mod session {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "session")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub token_hash: String,
        pub tenant_id: String,
        pub agent: String,
        pub created_at: String,
        pub seen_at: String,
    }

    #[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

/// Failed sign-ins of a name.
pub(crate) mod sign_in_guard {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "sign_in_guard")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub tenant_id: String,
        #[sea_orm(primary_key, auto_increment = false)]
        pub name: String,
        pub failures: i64,
        pub first_at: String,
        pub locked_until: Option<String>,
    }

    #[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

/// A receipt to one address.
pub(crate) mod receipt {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "receipt")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: String,
        pub tenant_id: String,
        pub attempt_id: String,
        pub call_id: String,
        pub kind: String,
        pub address: String,
        pub agent: String,
        pub state: String,
        pub problem: Option<String>,
        pub tries: i64,
        pub created_at: String,
        pub tried_at: Option<String>,
        pub sent_at: Option<String>,
    }

    #[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

/// Another means, chosen on a call.
pub(crate) mod means {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "means")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub tenant_id: String,
        #[sea_orm(primary_key, auto_increment = false)]
        pub call_id: String,
        #[sea_orm(primary_key, auto_increment = false)]
        pub seq: i64,
        pub payment_id: Option<String>,
        pub attempt_id: Option<String>,
        pub means: String,
        pub note: String,
        pub agent: String,
        pub created_at: String,
    }

    #[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

/// A continuous payment authority.
pub(crate) mod agreement {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "agreement")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: String,
        pub tenant_id: String,
        pub attempt_id: String,
        pub call_id: String,
        pub agent: String,
        pub amount_minor: i64,
        pub currency: String,
        pub every: String,
        pub starts_on: String,
        pub end_count: Option<i64>,
        pub end_until: Option<String>,
        pub consent_text: String,
        pub consent_version: String,
        pub agreed_at: String,
        pub brand: String,
        pub last4: String,
        pub expiry: String,
    }

    #[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

/// A date of an agreement.
pub(crate) mod agreement_instalment {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "agreement_instalment")]
    pub struct Model {
        pub tenant_id: String,
        #[sea_orm(primary_key, auto_increment = false)]
        pub agreement_id: String,
        #[sea_orm(primary_key, auto_increment = false)]
        pub seq: i64,
        pub due_on: String,
    }

    #[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

/// What was observed of one call.
pub(crate) mod evidence {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "evidence")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub tenant_id: String,
        #[sea_orm(primary_key, auto_increment = false)]
        pub seq: i64,
        pub call_id: String,
        pub previous_sha256: String,
        pub sha256: String,
        pub body: String,
        pub signature: Option<String>,
        pub key_id: Option<String>,
        pub created_at: String,
    }

    #[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

/// The end of a tenant's chain of evidence.
pub(crate) mod evidence_head {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "evidence_head")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub tenant_id: String,
        pub seq: i64,
        pub sha256: String,
    }

    #[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}
