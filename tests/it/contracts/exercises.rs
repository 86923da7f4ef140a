//! The requests that provoke answers: at least one for each answer that a contract declares.

/// The services that have an OpenAPI contract.
pub(super) const SERVICES: [&str; 6] = ["users", "catalog", "inventory", "carts", "orders", "payments"];

/// A request, and the answer that it should provoke.
#[derive(Debug, Clone)]
pub(super) struct Exercise {
    pub(super) service: &'static str,
    /// The `operationId` in the contract.
    pub(super) operation: &'static str,
    pub(super) method: &'static str,
    /// The path and query of the request.
    pub(super) target: String,
    pub(super) status: u16,
    /// The user whose token is sent; `None` if no token is sent.
    pub(super) user: Option<&'static str>,
    pub(super) headers: Vec<(&'static str, String)>,
    /// The body as a JSON text; `None` if there is no body.
    pub(super) body: Option<String>,
}

impl Exercise {
    pub(super) fn get(service: &'static str, operation: &'static str, status: u16, target: impl Into<String>) -> Self {
        let target = target.into();
        Self { service, operation, method: "GET", target, status, user: None, headers: Vec::new(), body: None }
    }

    pub(super) fn post(service: &'static str, operation: &'static str, status: u16, target: &str) -> Self {
        Self { method: "POST", ..Self::get(service, operation, status, target) }
    }

    fn delete(service: &'static str, operation: &'static str, status: u16, target: &str) -> Self {
        Self { method: "DELETE", ..Self::get(service, operation, status, target) }
    }

    pub(super) fn user(self, user: &'static str) -> Self {
        Self { user: Some(user), ..self }
    }

    pub(super) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub(super) fn body(self, body: impl Into<String>) -> Self {
        Self { body: Some(body.into()), ..self }
    }
}

/// The requests to `service`. Their order matters, because some answers depend on earlier requests.
pub(super) fn exercises(service: &str) -> Vec<Exercise> {
    match service {
        "users" => users(),
        "catalog" => catalog(),
        "inventory" => inventory(),
        "carts" => carts(),
        "orders" => [read_orders(), create_orders()].concat(),
        "payments" => payments(),
        other => panic!("no exercises for `{other}`"),
    }
}

fn users() -> Vec<Exercise> {
    let get = |operation, status, target| Exercise::get("users", operation, status, target);
    vec![
        get("getUser", 200, "/users/123"),
        get("getUser", 200, "/users/1"),
        get("getUser", 404, "/users/1001"),
        get("getUser", 404, "/users/0123"),
        get("getUsers", 200, "/users?id=456&id=123&id=nobody"),
        get("getUsers", 400, "/users"),
        get("getUsers", 400, "/users?id="),
        get("searchUsers", 200, "/users/search"),
        get("searchUsers", 200, "/users/search?page=11&limit=100"),
        get("searchUsers", 400, "/users/search?limit=101"),
        get("searchUsers", 400, "/users/search?page=0"),
    ]
}

fn catalog() -> Vec<Exercise> {
    let get = |operation, status, target| Exercise::get("catalog", operation, status, target);
    let mut all = vec![
        get("listProducts", 200, "/products?category=4&sort=PRICE_ASC&page=2&limit=5"),
        get("listProducts", 200, "/products?category=nowhere&sort=NEWEST"),
        get("listProducts", 400, "/products?sort=CHEAPEST"),
        get("listProducts", 400, "/products?limit=0"),
        get("getProductsByIds", 200, "/products/by-ids?ids=3,1,4000"),
        get("getProductsByIds", 400, "/products/by-ids?ids=1&fields=id,colour"),
        get("getProductsByIds", 400, "/products/by-ids"),
        get("getProduct", 404, "/products/2001"),
        get("getProductSummary", 404, "/products/2001/summary"),
        get("getCategories", 200, "/categories/by-ids?ids=38,1,99"),
        get("getCategories", 400, "/categories/by-ids?ids="),
        get("getCategory", 200, "/categories/1"),
        get("getCategory", 404, "/categories/41"),
    ];
    for (operation, target) in [
        ("listProducts", "/products"),
        ("getProductsByIds", "/products/by-ids?ids=1"),
        ("getProduct", "/products/42"),
        ("getProductSummary", "/products/42/summary"),
        ("listCategories", "/categories"),
        ("getCategories", "/categories/by-ids?ids=2"),
        ("getCategory", "/categories/38"),
    ] {
        all.push(get(operation, 200, target));
        all.push(get(operation, 200, target).header("if-none-match", "\"another\""));
        all.push(get(operation, 304, target).header("if-none-match", "*"));
    }
    all
}

fn inventory() -> Vec<Exercise> {
    let get = |operation, status, target| Exercise::get("inventory", operation, status, target);
    let post =
        |operation, status, target, body: &str| Exercise::post("inventory", operation, status, target).body(body);
    let mut all = vec![
        get("getStock", 200, "/v1/stock/1"),
        get("getStock", 200, "/v1/stock/2001"),
        get("getStock", 400, "/v1/stock/one"),
        get("listWarehouses", 200, "/v1/warehouses"),
        get("getAvailability", 200, "/v1/availability/97"),
        get("getAvailability", 400, "/v1/availability/0"),
        get("getAvailability", 404, "/v1/availability/2001"),
    ];
    for (operation, target) in [("queryStock", "/v1/stock/query"), ("queryAvailability", "/v1/availability")] {
        all.push(post(operation, 200, target, r#"{"productIds":[2,1,2001]}"#));
        all.push(post(operation, 400, target, r#"{"productIds":["1"]}"#));
        all.push(post(operation, 400, target, r#"{"productIds":[]}"#));
        all.push(post(operation, 400, target, "{"));
        all.push(post(operation, 400, target, &format!("{{\"productIds\":[1]}}{}", " ".repeat(65 * 1024))));
    }
    all
}

fn carts() -> Vec<Exercise> {
    let item = |product: &str, quantity: u32| format!(r#"{{"productId":"{product}","quantity":{quantity}}}"#);
    let get = |status, user: &str| Exercise::get("carts", "getCart", status, format!("/carts/{user}"));
    let add = |status, target| Exercise::post("carts", "addCartItem", status, target);
    let remove = |status, target| Exercise::delete("carts", "removeCartItem", status, target);
    vec![
        get(200, "123").user("123"),
        get(401, "123"),
        get(401, "123").header("authorization", "Bearer nonsense"),
        get(403, "123").user("456"),
        get(404, "7").user("7"),
        get(404, "5000").user("5000"),
        add(200, "/carts/123/items").user("123").body(item("42", 99)),
        add(200, "/carts/7/items").user("7").body(item("1", 1)),
        get(200, "7").user("7"),
        add(400, "/carts/123/items").user("123").body(item("42", 100)),
        add(400, "/carts/123/items").user("123").body(item("", 1)),
        add(400, "/carts/123/items").user("123"),
        add(401, "/carts/123/items").body(item("42", 1)),
        add(403, "/carts/123/items").user("456").body(item("42", 1)),
        add(404, "/carts/123/items").user("123").body(item("2001", 1)),
        add(409, "/carts/123/items").user("123").body(item("42", 1)),
        remove(200, "/carts/123/items/42").user("123"),
        remove(401, "/carts/123/items/42"),
        remove(403, "/carts/123/items/42").user("456"),
        remove(404, "/carts/123/items/42").user("123"),
    ]
}

fn read_orders() -> Vec<Exercise> {
    let get = |operation, status, target| Exercise::get("orders", operation, status, target);
    vec![
        get("searchOrders", 200, "/orders/search?userId=123&userId=456&perUser=3"),
        get("searchOrders", 400, "/orders/search?userId=1&perUser=51"),
        get("searchOrders", 400, "/orders/search"),
        get("getOrder", 200, "/orders/20000"),
        get("getOrder", 404, "/orders/first"),
        get("listUserOrders", 200, "/users/123/orders?limit=50"),
        get("listUserOrders", 200, "/users/50/orders"),
        get("listUserOrders", 400, "/users/123/orders?limit=51"),
        get("pageOrders", 200, "/orders?userId=123&limit=2"),
        get("pageOrders", 400, "/orders"),
        get("pageOrders", 400, "/orders?userId=123&cursor=nonsense"),
        get("getOrders", 200, "/orders/by-ids?ids=2,1,99999"),
        get("getOrders", 400, "/orders/by-ids?ids=1,,2"),
    ]
}

fn create_orders() -> Vec<Exercise> {
    let body = |product: &str, quantity: u32| {
        format!(
            r#"{{"cartId":"cart-123","lines":[{{"productId":"{product}","quantity":{quantity}}}],"paymentMethod":"invoice"}}"#
        )
    };
    let create = |status| Exercise::post("orders", "createOrder", status, "/orders");
    let with_key = |status, key: &str| create(status).user("123").header("idempotency-key", key);
    vec![
        with_key(201, "one").body(body("1", 2)),
        with_key(201, "one").body(body("1", 2)),
        with_key(422, "one").body(body("1", 3)),
        create(400).user("123").body(body("1", 2)),
        with_key(400, "two").body(body("1", 0)),
        with_key(400, "two").body(body("", 1)),
        with_key(400, "two").body(r#"{"cartId":"cart-123","lines":[],"paymentMethod":"card"}"#),
        with_key(400, "two").body(r#"{"cartId":"cart-123","lines":[],"paymentMethod":"cash"}"#),
        create(401).header("idempotency-key", "two").body(body("1", 2)),
        with_key(402, "two").body(body("1", 50)),
        with_key(404, "two").body(body("2001", 1)),
        with_key(409, "two").body(body("97", 1)),
        with_key(201, "card").body(body("1", 2).replace("invoice", "card")),
        Exercise::post("orders", "advanceOrder", 200, "/orders/20002/advance"),
        Exercise::post("orders", "advanceOrder", 200, "/orders/20002/advance"),
        Exercise::post("orders", "advanceOrder", 409, "/orders/20002/advance"),
        Exercise::post("orders", "advanceOrder", 409, "/orders/20001/advance"),
        Exercise::post("orders", "advanceOrder", 404, "/orders/99999/advance"),
    ]
}

fn payments() -> Vec<Exercise> {
    let get = |operation, status, target| Exercise::get("payments", operation, status, target);
    vec![
        get("findPayments", 200, "/payments?orderIds=19999,20000,1"),
        get("findPayments", 400, "/payments?orderIds=one"),
        get("findPayments", 400, "/payments"),
        get("getPayment", 200, "/payments/1"),
        get("getPayment", 400, "/payments/one"),
        get("getPayment", 404, "/payments/10"),
    ]
}
