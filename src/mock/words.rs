//! Texts that suit the name of their field: names, addresses, dates, pictures, sentences.

use super::chance::Chance;
use super::identity::uuid;
use super::leaf::Place;
use fake::Fake;
use fake::faker::{address, company, internet, job, lorem, name as people};

/// A field's name as words in small letters: `avatarUrl` and `avatar_url` are "avatar", "url".
#[derive(Debug)]
pub(super) struct Name {
    words: Vec<String>,
    joined: String,
}

impl Name {
    pub(super) fn new(name: &str) -> Self {
        let mut words: Vec<String> = Vec::new();
        let mut was_small = false;
        for c in name.chars() {
            let begins = !c.is_ascii_alphanumeric() || (c.is_ascii_uppercase() && was_small) || words.is_empty();
            if begins {
                words.push(String::new());
            }
            if let Some(word) = words.last_mut().filter(|_| c.is_ascii_alphanumeric()) {
                word.push(c.to_ascii_lowercase());
            }
            was_small = c.is_ascii_lowercase() || c.is_ascii_digit();
        }
        words.retain(|word| !word.is_empty());
        let joined = words.concat();
        Self { words, joined }
    }

    /// Is one of these among the words, or all of them together?
    pub(super) fn has_any(&self, known: &[&str]) -> bool {
        known.iter().any(|known| self.joined == *known || self.words.iter().any(|word| word == known))
    }

    fn contains_any(&self, known: &[&str]) -> bool {
        known.iter().any(|known| self.joined.contains(known))
    }

    /// Is it a point in time, as `createdAt` and `dueDate` are?
    pub(super) fn is_moment(&self) -> bool {
        self.words.len() > 1 && self.words.last().is_some_and(|last| matches!(last.as_str(), "at" | "on"))
            || self.has_any(&["date", "datetime", "timestamp", "time", "birthday", "dob", "birthdate", "deadline"])
    }
}

/// A text for any field.
pub(super) fn text(name: &Name, place: &Place<'_>) -> String {
    known(name, place).unwrap_or_else(|| capitalised(&words(place.here, 2)))
}

/// A text for a field whose name says what it is.
pub(super) fn known(name: &Name, place: &Place<'_>) -> Option<String> {
    let here = place.here;
    let rng = &mut here.generator();
    Some(if name.contains_any(&["email"]) {
        let (first, last) = person(place);
        format!("{first}.{last}@example.com").to_lowercase().replace([' ', '\''], "")
    } else if name.has_any(&["firstname", "givenname"]) {
        person(place).0
    } else if name.has_any(&["lastname", "surname", "familyname"]) {
        person(place).1
    } else if name.has_any(&["username", "login", "nickname", "handle"]) {
        let (first, last) = person(place);
        format!("{first}{}", last.chars().next().unwrap_or('x')).to_lowercase()
    } else if name.contains_any(&["phone"]) || name.has_any(&["mobile", "tel", "fax", "cell"]) {
        let digits = here.below(10_000_000);
        format!("+1 555 {:03} {:04}", digits / 10_000, digits % 10_000)
    } else if is_picture(name) || (name.has_any(LINKS) && is_picture(&Name::new(place.owner))) {
        format!("https://picsum.photos/seed/{}/640/480", here.below(1_000))
    } else if name.has_any(LINKS) {
        format!("https://example.com/{}", words(here, 2).replace(' ', "-"))
    } else if name.has_any(&["domain", "hostname", "host"]) {
        format!("{}.example.com", word(here))
    } else if name.has_any(&["slug", "path", "key"]) {
        words(here, 2).replace(' ', "-")
    } else if name.has_any(&["countrycode"]) {
        address::en::CountryCode().fake_with_rng(rng)
    } else if name.has_any(&["country", "nationality"]) {
        address::en::CountryName().fake_with_rng(rng)
    } else if name.has_any(&["zip", "postal", "postcode", "zipcode"]) {
        format!("{:05}", here.between(10_000, 99_999))
    } else if name.has_any(&["street", "line1", "address", "address1"]) {
        format!("{} {}", here.between(1, 200), address::en::StreetName().fake_with_rng::<String, _>(rng))
    } else if name.has_any(&["city", "town", "municipality"]) {
        address::en::CityName().fake_with_rng(rng)
    } else if name.has_any(&["state", "province", "region"]) && !is_state(place) {
        address::en::StateName().fake_with_rng(rng)
    } else if name.contains_any(&["timezone"]) {
        address::en::TimeZone().fake_with_rng(rng)
    } else if name.contains_any(&["currency"]) {
        one_of(here, &["EUR", "USD", "GBP", "CHF", "JPY"])
    } else if name.has_any(&["price", "amount", "total", "cost"]) {
        format!("{}.{:02}", here.between(2, 499), here.named("cents").below(100))
    } else if name.has_any(&["company", "organization", "organisation", "brand", "vendor", "manufacturer", "employer"])
    {
        company::en::CompanyName().fake_with_rng(rng)
    } else if name.has_any(&["job", "jobtitle", "position", "profession", "occupation"]) {
        job::en::Title().fake_with_rng(rng)
    } else if name.has_any(&[
        "description",
        "summary",
        "bio",
        "about",
        "content",
        "body",
        "text",
        "comment",
        "message",
        "note",
        "excerpt",
        "reason",
        "details",
        "review",
        "abstract",
    ]) {
        sentences(here)
    } else if name.has_any(&["caption", "teaser", "alt", "tagline", "headline", "subtitle", "slogan"]) {
        capitalised(lorem::en::Sentence(3..7).fake_with_rng::<String, _>(rng).trim_end_matches('.'))
    } else if name.contains_any(&["color", "colour"]) {
        format!("#{:06x}", here.below(0x0100_0000))
    } else if name.has_any(&["locale", "language", "lang"]) {
        one_of(here, &["en", "de", "fr", "es", "ja"])
    } else if name.has_any(&["ip", "ipv4", "ipaddress"]) {
        // RFC 5737: for documentation, nobody's.
        format!("192.0.2.{}", here.between(1, 254))
    } else if name.has_any(&["ipv6"]) {
        format!("2001:db8::{:x}", here.between(1, 0xffff))
    } else if name.has_any(&["mac", "macaddress"]) {
        internet::en::MACAddress().fake_with_rng(rng)
    } else if name.contains_any(&["useragent"]) {
        internet::en::UserAgent().fake_with_rng(rng)
    } else if name.has_any(&["uuid", "guid", "token", "hash", "etag", "checksum"]) {
        uuid(here)
    } else if name.has_any(&["sku", "code", "barcode", "reference", "serial", "number"]) {
        let letters = |chance: Chance| char::from(b'A' + chance.below(26) as u8);
        format!("{}{}-{:04}", letters(here), letters(here.named("second")), here.named("digits").below(10_000))
    } else if name.has_any(&["version"]) {
        format!("{}.{}.{}", here.below(5), here.named("minor").below(20), here.named("patch").below(10))
    } else if name.has_any(&["datetime", "timestamp"]) || name.words.last().is_some_and(|last| last == "at") {
        date_time(name, place)
    } else if name.has_any(&["time"]) {
        time_of_day(here)
    } else if name.is_moment() {
        date(name, place)
    } else if name.has_any(&["name", "title", "label", "fullname", "displayname", "author"]) {
        title(place)
    } else {
        return None;
    })
}

const LINKS: &[&str] = &["url", "uri", "link", "href", "website", "homepage", "src"];

/// Addresses have states of another kind than orders.
fn is_state(place: &Place<'_>) -> bool {
    let owner = Name::new(place.owner);
    !owner.has_any(&["address", "location", "place", "city", "user", "customer"])
}

fn is_picture(name: &Name) -> bool {
    name.contains_any(&["avatar", "thumb", "picture", "photo", "image", "logo"])
        || name.has_any(&["icon", "banner", "cover"])
}

/// What an object is called, by its type.
fn title(place: &Place<'_>) -> String {
    let owner = Name::new(place.owner);
    let rng = &mut place.here.generator();
    if owner.has_any(&[
        "user", "customer", "person", "author", "employee", "member", "profile", "account", "me", "viewer", "contact",
        "actor", "artist", "player", "patient", "student", "teacher", "manager",
    ]) || Name::new(place.name).has_any(&["author", "fullname", "displayname"])
    {
        let (first, last) = person(place);
        format!("{first} {last}")
    } else if owner.has_any(&[
        "company",
        "organization",
        "organisation",
        "brand",
        "vendor",
        "supplier",
        "shop",
        "store",
    ]) {
        company::en::CompanyName().fake_with_rng(rng)
    } else if owner.has_any(&["country"]) {
        address::en::CountryName().fake_with_rng(rng)
    } else if owner.has_any(&["city"]) {
        address::en::CityName().fake_with_rng(rng)
    } else if owner.has_any(&["product", "item", "article", "variant", "offer"]) {
        let how = one_of(place.here, &["Small", "Sturdy", "Plain", "Elegant", "Light", "Classic", "Handy", "Quiet"]);
        let of = one_of(place.here.named("of"), &["Wooden", "Steel", "Cotton", "Granite", "Rubber", "Paper", "Glass"]);
        let what =
            one_of(place.here.named("what"), &["Chair", "Lamp", "Table", "Bag", "Shirt", "Clock", "Bowl", "Pen"]);
        format!("{how} {of} {what}")
    } else {
        capitalised(&words(place.here, 2))
    }
}

/// First and last name of whoever holds the field: the same for `name`, `email` and `username`.
fn person(place: &Place<'_>) -> (String, String) {
    let rng = &mut place.owner_chance.named("person").generator();
    (people::en::FirstName().fake_with_rng(rng), people::en::LastName().fake_with_rng(rng))
}

/// One word in small letters.
pub(super) fn word(chance: Chance) -> String {
    lorem::en::Word().fake_with_rng::<String, _>(&mut chance.generator())
}

fn words(chance: Chance, count: usize) -> String {
    let words: Vec<String> = lorem::en::Words(count..count + 1).fake_with_rng(&mut chance.generator());
    words.join(" ")
}

fn sentences(chance: Chance) -> String {
    let sentences: Vec<String> = lorem::en::Sentences(1..3).fake_with_rng(&mut chance.generator());
    sentences.iter().map(|sentence| capitalised(sentence)).collect::<Vec<_>>().join(" ")
}

fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    let first = chars.next().map(|first| first.to_uppercase().to_string());
    first.unwrap_or_default() + chars.as_str()
}

fn one_of(chance: Chance, from: &[&str]) -> String {
    chance.pick(from).copied().unwrap_or_default().to_owned()
}

const DAY: u64 = 86_400;
/// 2021-01-01 in seconds since 1970. Nothing here reads a clock: today's answer is tomorrow's.
const BEGIN: u64 = 18_628 * DAY;

/// A point in time in seconds since 1970: what is updated was created before, what is due comes after.
pub(super) fn seconds(name: &Name, place: &Place<'_>) -> u64 {
    if name.contains_any(&["birth"]) || name.has_any(&["dob"]) {
        return place.here.below(35 * 365) * DAY;
    }
    let created = BEGIN + place.owner_chance.named("created").below(3 * 365 * DAY);
    let after = place.here.below(30 * DAY);
    if name.has_any(&["created", "joined", "registered", "published", "placed", "start", "starts", "started"]) {
        created
    } else if name.contains_any(&["due", "expire", "expiry", "until", "deadline", "deliver", "end"]) {
        created + 60 * DAY + after
    } else {
        created + after
    }
}

/// RFC 3339, in UTC.
pub(super) fn date_time(name: &Name, place: &Place<'_>) -> String {
    let seconds = seconds(name, place);
    let (of_day, day) = (seconds % DAY, civil(seconds / DAY));
    format!("{day}T{:02}:{:02}:{:02}Z", of_day / 3_600, of_day / 60 % 60, of_day % 60)
}

/// A day, such as 2023-04-01.
pub(super) fn date(name: &Name, place: &Place<'_>) -> String {
    civil(seconds(name, place) / DAY)
}

/// A time of day, such as 09:30:00.
pub(super) fn time_of_day(chance: Chance) -> String {
    format!("{:02}:{:02}:00", chance.below(24), chance.named("minutes").below(12) * 5)
}

/// The date of a day since 1970-01-01, in years of 400 that begin in March.
fn civil(days: u64) -> String {
    let days = days + 719_468;
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let (month, next) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    format!("{:04}-{month:02}-{day:02}", era * 400 + year + next)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_taken_apart_however_they_are_written() {
        for (name, expected) in [
            ("avatarUrl", "avatar url"),
            ("avatar_url", "avatar url"),
            ("URL", "url"),
            ("line1", "line1"),
            ("createdAt", "created at"),
            ("_id", "id"),
        ] {
            assert_eq!(Name::new(name).words.join(" "), expected, "{name}");
        }
    }

    #[test]
    fn days_have_their_dates() {
        for (days, expected) in
            [(0, "1970-01-01"), (59, "1970-03-01"), (789, "1972-02-29"), (18_628, "2021-01-01"), (47_540, "2100-02-28")]
        {
            assert_eq!(civil(days), expected);
        }
    }
}
