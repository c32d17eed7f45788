# SPDX-License-Identifier: Apache-2.0
"""HTTP exchanges held against an OpenAPI 3.1 document, by Debian's python3-jsonschema.

    Contract(document).problems(exchange) -> sentences; none: everything in it is described

An exchange is a dict: method, path (with its query), status, type (Content-Type of the reply), response (its body:
text or bytes, None when it was not kept), request_type, request (likewise), badly. A reply must have a status, a media
type and a shape of its operation. So must a request that was accepted, unless it was made badly on purpose: what is
refused may be anything, and an unknown filter is no filter."""
import json
import re
from urllib.parse import parse_qsl, unquote, urlsplit

from jsonschema import Draft202012Validator, FormatChecker, RefResolver

FORMATS = FormatChecker(formats=())


@FORMATS.checks("date-time")
def _instant(value):
    return not isinstance(value, str) or re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", value) is not None


@FORMATS.checks("date")
def _day(value):
    return not isinstance(value, str) or re.fullmatch(r"\d{4}-\d\d-\d\d", value) is not None


def media_type(value):
    return (value or "").split(";")[0].strip().lower()


class Operation:
    def __init__(self, method, pattern, entry):
        self.method = method.upper()
        self.entry = entry
        self.id = entry["operationId"]
        self.names = re.findall(r"\{(\w+)\}", pattern)
        # "path" is what follows a prefix, slashes and all
        self.pattern = re.compile("".join(
            ("(.+)" if part == "{path}" else "([^/]+)") if part.startswith("{") else re.escape(part)
            for part in re.split(r"(\{\w+\})", pattern)))


class Contract:
    def __init__(self, document):
        self.document = document
        self.resolver = RefResolver.from_schema(document)
        self.operations = [Operation(m, pattern, entry) for pattern, methods in document["paths"].items()
                           for m, entry in methods.items()]
        self.seen = {}  # operationId -> {status}

    def find(self, method, path):
        # an address written out comes before one with parameters
        fit = [o for o in self.operations if o.method == method and o.pattern.fullmatch(path)]
        return min(fit, key=lambda o: len(o.names)) if fit else None

    def shape(self, schema, value):
        v = Draft202012Validator(schema, resolver=self.resolver, format_checker=FORMATS)
        return ["/%s: %s" % ("/".join(map(str, e.absolute_path)), e.message[:200]) for e in v.iter_errors(value)]

    def body(self, what, content, kind, raw):
        kind = media_type(kind)
        if kind not in content:
            return ["%s is %s, which is not one of %s" % (what, kind or "without a type", sorted(content))]
        if raw is None:
            return []
        schema = content[kind].get("schema", {})
        try:
            if kind.endswith("json"):
                value = json.loads(raw)
            elif isinstance(raw, bytes):
                value = raw.decode("latin-1" if kind == "application/octet-stream" else "utf-8")
            else:
                value = raw
        except ValueError as e:
            return ["%s cannot be read as %s: %s" % (what, kind, e)]
        return ["%s %s" % (what, p) for p in self.shape(schema, value)]

    def parameters(self, op, path, query):
        found = []
        known = {p["name"]: p for p in op.entry["parameters"]}
        values = list(zip(op.names, map(unquote, op.pattern.fullmatch(path).groups())))
        for name, text in values + query:
            p = known.get(name)
            if p is None:
                found.append("parameter %s is not described" % name)
                continue
            schema = p["schema"].get("items", p["schema"])
            value = int(text) if schema.get("type") == "integer" and re.fullmatch(r"\d+", text) else text
            found += ["parameter %s %s" % (name, e) for e in self.shape(schema, value)]
        return found

    def problems(self, x):
        url = urlsplit(x["path"])
        op = self.find(x["method"], url.path)
        where = "%s %s -> %d" % (x["method"], x["path"][:120], x["status"])
        if op is None:
            return ["%s: no such operation" % where]
        self.seen.setdefault(op.id, set()).add(x["status"])
        answer = op.entry["responses"].get(str(x["status"]))
        if answer is None:
            return ["%s: %s has no such status" % (where, op.id)]
        found = []
        if "content" in answer:
            found += self.body("reply", answer["content"], x["type"], x.get("response"))
        elif x.get("response"):
            found.append("a body where there is none")
        if x["status"] < 400 and not x.get("badly"):
            found += self.parameters(op, url.path, parse_qsl(url.query, keep_blank_values=True))
            if "requestBody" in op.entry:
                found += self.body("request", op.entry["requestBody"]["content"], x.get("request_type"), x.get("request"))
            elif x.get("request"):
                found.append("a request with a body where there is none")
        return ["%s: %s" % (where, f) for f in found]


def recorded(path):
    """Exchanges of `amane demo --record` or of test/peers/client.mjs: (origin, exchange)."""
    for line in open(path, encoding="utf-8"):
        x = json.loads(line)
        origin, x["path"] = re.fullmatch(r"(http://[^/]+)(/.*)", x["url"]).groups()
        for side in ("request", "response"):
            if side not in x and x[side + "_n"] == 0:
                x[side] = ""
        yield origin, x
