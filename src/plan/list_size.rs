//! The length of a list, which depends on the arguments of its field.

use crate::compose::ListBound;
use crate::operation::Value;

/// The size of a list at one place.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct ListSize {
    /// The number of items that the bounds of a plan count; `None` if there is no bound.
    pub(super) counted: Option<u64>,
    /// The most items that are allowed. A list with more becomes an error. `None` if there is no limit.
    pub(super) most: Option<u64>,
}

impl ListSize {
    /// Gives the size of a list with this bound for these arguments.
    ///
    /// # Source
    /// The IBM GraphQL cost specification, `@listSize`: if several slicing arguments are given, the largest counts; if
    /// none is given, `assumedSize` counts. Our own additions (`maxSize`, and arguments that a contract bounds) are
    /// enforced too.
    pub(super) fn of(bound: &ListBound, arguments: &[(String, Value)]) -> Self {
        let sliced = sliced(bound, arguments);
        let most = sliced.into_iter().chain(bound.max).min();
        let counted = match bound.assumed {
            Some(assumed) if !bound.is_sliced_by_declaration => Some(assumed),
            assumed => sliced.or(assumed),
        };
        let counted = counted.or(most).map(|counted| most.map_or(counted, |most| counted.min(most)));
        Self { counted, most }
    }
}

/// Gives how many items the slicing arguments allow; `None` if none is given, or if one is a variable without a
/// maximum.
fn sliced(bound: &ListBound, arguments: &[(String, Value)]) -> Option<u64> {
    let mut largest = None;
    for slicing in &bound.slicing {
        let given = arguments.iter().find(|(argument, _)| *argument == slicing.argument).map(|(_, value)| value);
        let allowed = match given {
            Some(Value::Constant(crate::json::Value::Null)) | None => match slicing.maximum {
                // The service uses its own default, which is within the bounds of its contract.
                Some(maximum) => maximum,
                None => continue,
            },
            Some(Value::Constant(constant)) => {
                let asked = constant.as_u64();
                asked.into_iter().chain(slicing.maximum).min()?
            }
            Some(_) => slicing.maximum?,
        };
        largest = largest.max(Some(allowed));
    }
    largest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compose::Slicing;
    use crate::operation::VariableId;

    fn slicing(argument: &str, maximum: Option<u64>) -> Slicing {
        Slicing { argument: argument.to_owned(), maximum }
    }

    #[test]
    fn sizes_are_counted_and_enforced() {
        let constant = |name: &str, value: &str| {
            let value = crate::json::Value::read(value.as_bytes()).expect("JSON");
            (name.to_owned(), Value::Constant(value))
        };
        let declared = |slicing| ListBound { slicing, is_sliced_by_declaration: true, ..ListBound::default() };
        let first = || declared(vec![slicing("first", None), slicing("last", None)]);
        let by_contract = || ListBound { slicing: vec![slicing("first", Some(100))], ..ListBound::default() };
        let variable = || vec![("first".to_owned(), Value::Variable(VariableId(0), None))];
        for (bound, arguments, counted, most) in [
            (ListBound::default(), vec![], None, None),
            (ListBound { assumed: Some(9), ..ListBound::default() }, vec![], Some(9), None),
            (ListBound { max: Some(50), ..ListBound::default() }, vec![], Some(50), Some(50)),
            (ListBound { assumed: Some(9), max: Some(50), ..ListBound::default() }, vec![], Some(9), Some(50)),
            (ListBound { assumed: Some(90), max: Some(50), ..ListBound::default() }, vec![], Some(50), Some(50)),
            (first(), vec![constant("first", "5")], Some(5), Some(5)),
            (first(), vec![constant("first", "5"), constant("last", "8")], Some(8), Some(8)),
            (first(), vec![constant("first", "null")], None, None),
            (first(), vec![], None, None),
            (first(), variable(), None, None),
            (ListBound { assumed: Some(9), ..first() }, variable(), Some(9), None),
            (ListBound { assumed: Some(9), ..first() }, vec![constant("last", "3")], Some(3), Some(3)),
            (ListBound { max: Some(4), ..first() }, vec![constant("last", "30")], Some(4), Some(4)),
            (by_contract(), vec![], Some(100), Some(100)),
            (by_contract(), variable(), Some(100), Some(100)),
            (by_contract(), vec![constant("first", "7")], Some(7), Some(7)),
            (by_contract(), vec![constant("first", "700")], Some(100), Some(100)),
            (ListBound { assumed: Some(9), ..by_contract() }, vec![], Some(9), Some(100)),
        ] {
            let size = ListSize::of(&bound, &arguments);
            assert_eq!((size.counted, size.most), (counted, most), "{bound:?} for {arguments:?}");
        }
    }
}
