//! Measurements over time, in columns, ready to draw.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// What can be drawn over time. Values are calibrated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[allow(missing_docs)]
pub enum SeriesQuantity {
    #[serde(rename = "power1_w")]
    Power1W,
    #[serde(rename = "power2_w")]
    Power2W,
    #[serde(rename = "v1_v")]
    V1V,
    #[serde(rename = "i1_a")]
    I1A,
    #[serde(rename = "t1_f")]
    T1F,
    #[serde(rename = "v2_v")]
    V2V,
    #[serde(rename = "i2_a")]
    I2A,
    #[serde(rename = "t2_f")]
    T2F,
}

impl SeriesQuantity {
    /// All of them.
    pub const ALL: [Self; 8] =
        [Self::Power1W, Self::Power2W, Self::V1V, Self::I1A, Self::T1F, Self::V2V, Self::I2A, Self::T2F];

    /// The name on the wire, unit included.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Power1W => "power1_w",
            Self::Power2W => "power2_w",
            Self::V1V => "v1_v",
            Self::I1A => "i1_a",
            Self::T1F => "t1_f",
            Self::V2V => "v2_v",
            Self::I2A => "i2_a",
            Self::T2F => "t2_f",
        }
    }

    /// The quantity with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|q| q.name() == name)
    }
}

/// Buckets of equal width from `from` to `to`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct Series {
    /// Start of the first bucket.
    pub from: DateTime<Utc>,
    /// End of the last bucket.
    pub to: DateTime<Utc>,
    /// Width of each bucket, milliseconds.
    pub bucket_ms: i64,
    /// One a quantity, in the order asked for.
    pub columns: Vec<SeriesColumn>,
}

/// One quantity; all arrays have one entry a bucket, `null` where nothing was measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct SeriesColumn {
    /// Which quantity.
    pub quantity: SeriesQuantity,
    /// Smallest value.
    pub min: Vec<Option<f64>>,
    /// Mean value.
    pub mean: Vec<Option<f64>>,
    /// Largest value.
    pub max: Vec<Option<f64>>,
}

/// What a series request asks for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SeriesRequest {
    /// At least one.
    pub quantities: Vec<SeriesQuantity>,
    /// Default: 24 hours before `to`.
    pub from: Option<DateTime<Utc>>,
    /// Default: the plant's now.
    pub to: Option<DateTime<Utc>>,
    /// About so many buckets: 1 to 5000, default 1000.
    pub points: Option<u32>,
}
