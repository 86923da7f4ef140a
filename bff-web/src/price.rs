//! Prices as text, in the way people of a locale write them.

/// Writes an amount as people of a locale do: `€12.99` in `en`, and `12,99 €` in `de` and `fr`. The amount is in the
/// currency's smallest unit.
pub(crate) fn label(amount: i32, currency: &str, locale: &str) -> String {
    let symbol = match currency {
        "EUR" => "€",
        "USD" => "$",
        "GBP" => "£",
        other => other,
    };
    let (whole, cents) = (amount / 100, (amount % 100).unsigned_abs());
    let language = locale.split(['-', '_']).next().unwrap_or_default();
    match language {
        "de" | "fr" | "es" | "it" => format!("{whole},{cents:02} {symbol}"),
        _ if symbol == currency => format!("{currency} {whole}.{cents:02}"),
        _ => format!("{symbol}{whole}.{cents:02}"),
    }
}

#[cfg(test)]
mod tests {
    use super::label;

    #[test]
    fn prices_are_written_as_the_locale_does() {
        for (amount, currency, locale, expected) in [
            (1299, "EUR", "en", "€12.99"),
            (1299, "EUR", "de-AT", "12,99 €"),
            (5, "USD", "en-US", "$0.05"),
            (100, "CHF", "en", "CHF 1.00"),
            (100, "CHF", "fr", "1,00 CHF"),
        ] {
            assert_eq!(label(amount, currency, locale), expected, "{amount} {currency} in {locale}");
        }
    }
}
