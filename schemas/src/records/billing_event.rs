//! What the billing system reports of an account.

use crate::{Attributes, checks};

avro_enum! {
    /// What a billing event says happened.
    BillingEventType {
        /// A subscription began.
        SubscriptionStarted = "SUBSCRIPTION_STARTED",
        /// The plan was changed.
        PlanChanged = "PLAN_CHANGED",
        /// The subscription was paused.
        Paused = "PAUSED",
        /// The subscription was resumed.
        Resumed = "RESUMED",
        /// The subscription was cancelled.
        Cancelled = "CANCELLED",
        /// An invoice was issued.
        InvoiceIssued = "INVOICE_ISSUED",
        /// A payment succeeded.
        PaymentSucceeded = "PAYMENT_SUCCEEDED",
        /// A payment failed.
        PaymentFailed = "PAYMENT_FAILED",
        /// A payment was given back.
        Refunded = "REFUNDED",
        /// A type that this version does not know: kept, never dropped.
        Unknown = "UNKNOWN",
    } default Unknown
}

avro_record! {
    /// What the billing system reports of an account.
    BillingEvent {
        /// Identity of the event.
        event_id: [u8; 16],
        /// Account, pseudonymous.
        account_id: &'a str => checks::id,
        /// What happened. A type that the reader does not know reads as UNKNOWN.
        kind ("type"): BillingEventType,
        /// Plan after this event.
        plan_id: Option<&'a str> => checks::optional_id,
        /// Amount in the currency's minor unit (cents).
        amount_minor: Option<i64>,
        /// ISO 4217.
        currency: Option<&'a str> => checks::dimension,
        /// Start of the period that it is about (microseconds since 1970 UTC).
        period_start: Option<i64>,
        /// End of the period that it is about, exclusive (microseconds since 1970 UTC).
        period_end: Option<i64>,
        /// Invoice, where there is one.
        invoice_id: Option<&'a str> => checks::optional_id,
        /// When it happened, by the billing system (microseconds since 1970 UTC).
        event_time: i64 => checks::time,
        /// The gateway's clock in whole milliseconds; equals the timestamp of the Kafka record (microseconds since 1970 UTC).
        received_time: i64 => checks::time,
        /// Extension: at most 32 entries and 2 KiB of keys and values. Nothing personal belongs here.
        attributes: Attributes<'a> => checks::attributes,
    }
}
