"""Which code a handler reaches: the AWS calls that it makes, and the errors that it can raise.

Read from the sources, so that a new call or error is known here without being listed. What is resolved: names of the
module and of its imports; ``Class.method`` and ``module.Class.method``; and ``anything.method``, as a method of any
class that the module defines or imports. A method of a protocol stands for those of the classes that are made.
"""

import ast
import inspect
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from vision.domain import errors

REPOSITORY = Path(__file__).resolve().parents[2]
FUNCTIONS = REPOSITORY / "functions"

PERMANENT = {name for name, one in vars(errors).items() if inspect.isclass(one) and errors.Permanent in one.__bases__}
TRANSIENT = {name for name, one in vars(errors).items() if inspect.isclass(one) and errors.Transient in one.__bases__}


@dataclass
class _Module:
    imports: dict[str, str] = field(default_factory=dict)
    classes: set[str] = field(default_factory=set)


class Code:
    """The functions of the project and what they call, by ``module.function`` or ``module.Class.method``."""

    def __init__(self) -> None:
        self._modules: dict[str, _Module] = {}
        self._functions: dict[str, ast.AST] = {}
        self._docstrings: dict[str, str] = {}
        self._protocols: set[str] = set()
        # Each is asked about the same code for every handler.
        self.reached = cache(self._reached)
        self._classes_made = cache(self._names_made)
        self._called = cache(self._names_called)
        self._resolved = cache(self._names_of)
        for file in (FUNCTIONS / "shared/vision").rglob("*.py"):
            parts = file.relative_to(FUNCTIONS / "shared").with_suffix("").parts
            self._read(".".join(parts).removesuffix(".__init__"), file)
        for file in FUNCTIONS.glob("*/app.py"):
            self._read(f"{file.parent.name}.app", file)

    def _read(self, module: str, file: Path) -> None:
        tree = ast.parse(file.read_text())
        info = self._modules[module] = _Module()
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.module:
                info.imports |= {a.asname or a.name: f"{node.module}.{a.name}" for a in node.names}
        self._functions[module] = ast.Module([one for one in tree.body if isinstance(one, ast.Assign | ast.Expr)], [])
        for node in tree.body:
            if isinstance(node, ast.FunctionDef):
                self._functions[f"{module}.{node.name}"] = node
                self._docstrings[f"{module}.{node.name}"] = ast.get_docstring(node) or ""
            if isinstance(node, ast.ClassDef):
                info.classes.add(node.name)
                self._read_protocol(module, node)
                for method in node.body:
                    if isinstance(method, ast.FunctionDef):
                        name = f"{module}.{node.name}.{method.name}"
                        self._functions[name] = method
                        self._docstrings[name] = (
                            f"{ast.get_docstring(method) or ''}\n{_of_all_methods(ast.get_docstring(node) or '')}"
                        )

    def _read_protocol(self, module: str, node: ast.ClassDef) -> None:
        bases = {f"{module}.{base.id}" for base in node.bases if isinstance(base, ast.Name)}
        if f"{module}.Protocol" in bases:
            self._protocols.add(f"{module}.{node.name}")
            # A protocol asks for what those ask for that it extends.
            for base in bases & self._protocols:
                inherited = {one: found for one, found in self._functions.items() if one.startswith(f"{base}.")}
                self._functions |= {f"{module}.{node.name}.{one[len(base) + 1 :]}": f for one, f in inherited.items()}

    def _reached(self, handler: str) -> set[str]:
        """Return every function that ``{handler}.app.handler`` can come to, itself and its module included."""
        seen: set[str] = set()
        ahead = [f"{handler}.app.handler", f"{handler}.app"]
        while ahead:
            name = ahead.pop()
            if name not in seen:
                seen.add(name)
                ahead += self._called(name)
            if not ahead:
                ahead += {one for each in seen for one in self._implementations(each, seen)} - seen
        return seen

    def _implementations(self, name: str, reached: set[str]) -> set[str]:
        """Return the methods that a protocol's method stands for: those of the classes that the reached code makes."""
        protocol, _, method = name.rpartition(".")
        if protocol not in self._protocols:
            return set()
        module = protocol.rpartition(".")[0]
        made = {f"{module}.{called}" for one in reached for called in self._classes_made(one)}
        return {f"{one}.{method}" for one in made - self._protocols if f"{one}.{method}" in self._functions}

    def source(self, name: str) -> ast.AST:
        """Return the syntax tree of a function, or of a handler's module."""
        return self._functions[name]

    def _names_made(self, name: str) -> set[str]:
        calls = (node.func for node in ast.walk(self._functions[name]) if isinstance(node, ast.Call))
        return {one.id for one in calls if isinstance(one, ast.Name)}

    def aws_calls(self, handler: str) -> set[tuple[str, str]]:
        """Return (service, method) of each SDK call that a handler can make."""
        return {call for name in self.reached(handler) for call in _sdk_calls(self._functions[name])}

    def errors(self, handler: str) -> set[str]:
        """Return the names of the errors that a handler can let out on purpose.

        What an error of the SDK becomes depends on the call, so the docstrings of adapters count. All other code is
        read for its ``raise`` statements, and for the ``try`` statements that end an error.
        """
        reached = self.reached(handler)
        out: dict[str, set[str]] = {name: set() for name in reached}
        while True:
            grown = {name: self._out_of(name, out, handler) for name in reached}
            if grown == out:
                return out[f"{handler}.app.handler"] | out[f"{handler}.app"]
            out = grown

    def met(self, handler: str) -> set[str]:
        """Return the names of all errors that a handler's code raises, whatever becomes of them."""
        found = {error for name in self.reached(handler) for error in _raised(self._functions[name])}
        return found & (PERMANENT | TRANSIENT)

    def _out_of(self, name: str, out: dict[str, set[str]], handler: str) -> set[str]:
        """Return the errors that a function lets out, given those of the functions that it calls."""
        if name.startswith("vision.adapters.aws_sdk."):
            return set()
        if name.startswith("vision.adapters."):
            return set(re.findall(r"\b[A-Z]\w+\b", _raises(self._docstrings.get(name, "")))) & (PERMANENT | TRANSIENT)
        if name.rpartition(".")[0] in self._protocols:
            return set().union(*(out[one] for one in self._implementations(name, set(out))))

        defaults = _defaults(self._functions[name])

        def of(node: ast.AST) -> set[str]:
            if isinstance(node, ast.Try):
                inside = set().union(*map(of, node.body))
                rest = set().union(*map(of, [*node.handlers, *node.orelse, *node.finalbody]))
                for clause in node.handlers:
                    mine = inside & _named(clause.type)
                    inside -= mine
                    rest |= mine if _raises_again(clause) else set()
                return inside | rest
            if isinstance(node, ast.With) and (ended := _suppressed(node)):
                return set().union(*map(of, node.body)) - ended
            found = set().union(*map(of, ast.iter_child_nodes(node)))
            if isinstance(node, ast.Raise):
                found |= set(_raised(node))
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute):
                # A parameter that is called is what its default names.
                function = defaults.get(node.func.id, node.func) if isinstance(node.func, ast.Name) else node.func
                called = {*self._resolved(self._module(name), function)}
                if isinstance(node.func, ast.Attribute):
                    # What a handler hands over has the name of the attribute that keeps it, with an underscore.
                    called.add(f"{handler}.app._{node.func.attr}")
                found = found.union(*(out.get(one, ()) for one in called))
            return found & (PERMANENT | TRANSIENT)

        return of(self._functions[name])

    def _names_called(self, name: str) -> set[str]:
        module, nodes = self._module(name), ast.walk(self._functions[name])
        names = (self._resolved(module, node) for node in nodes if isinstance(node, ast.Name | ast.Attribute))
        return set().union(*names)

    def _module(self, name: str) -> str:
        return max((one for one in self._modules if name == one or name.startswith(f"{one}.")), key=len)

    def _names_of(self, module: str, node: ast.Name | ast.Attribute) -> set[str]:
        return set(self._candidates(module, node))

    def _candidates(self, module: str, node: ast.Name | ast.Attribute) -> Iterator[str]:
        info = self._modules[module]
        if isinstance(node, ast.Name):
            target = self._original(info.imports.get(node.id, f"{module}.{node.id}"))
            yield from (one for one in (target, f"{target}.__init__") if one in self._functions)
            return
        if isinstance(node.value, ast.Name) and node.value.id in info.imports | {one: one for one in info.classes}:
            owner = self._original(info.imports.get(node.value.id, f"{module}.{node.value.id}"))
            target = self._original(f"{owner}.{node.attr}")
            yield from (one for one in (target, f"{target}.__init__") if one in self._functions)
            return
        if isinstance(node.value, ast.Attribute) and isinstance(node.value.value, ast.Name):
            # A method of a class by the module that it is in: bulk.Request.from_dict.
            owner = self._original(info.imports.get(node.value.value.id, ""))
            if owner in self._modules and node.value.attr in self._modules[owner].classes:
                target = f"{owner}.{node.value.attr}.{node.attr}"
                yield from (one for one in (target, f"{target}.__init__") if one in self._functions)
                return
        if node.attr == "get" and not (isinstance(node.value, ast.Attribute) and node.value.attr.startswith("_")):
            # Of a dictionary: what has such a method of its own is kept in an attribute.
            return
        # A method of an object: of any class that this module defines or imports, or of a protocol of such a module.
        imported = [self._original(one) for one in info.imports.values()]
        imported += [one for one in self._protocols if one.rpartition(".")[0] in imported]
        for known in [f"{module}.{one}" for one in info.classes] + imported:
            if f"{known}.{node.attr}" in self._functions and known not in self._modules:
                yield f"{known}.{node.attr}"

    def _original(self, name: str) -> str:
        """Follow names that a module offers although another defines them."""
        module, _, attribute = name.rpartition(".")
        while module in self._modules and attribute in self._modules[module].imports:
            name = self._modules[module].imports[attribute]
            module, _, attribute = name.rpartition(".")
        return name


def _defaults(node: ast.AST) -> dict[str, ast.Name | ast.Attribute]:
    """Return the parameters of a function whose defaults are functions."""
    if not isinstance(node, ast.FunctionDef):
        return {}
    parameters = [*node.args.posonlyargs, *node.args.args]
    with_default = parameters[len(parameters) - len(node.args.defaults) :]
    pairs = zip(with_default, node.args.defaults, strict=True)
    return {one.arg: default for one, default in pairs if isinstance(default, ast.Name | ast.Attribute)}


def _of_all_methods(docstring: str) -> str:
    (sentence,) = re.findall(r"All methods raise ([^.]*)\.", docstring) or [""]
    return f"Raises\n------\n{sentence}" if sentence else ""


def _raises(docstring: str) -> str:
    return " ".join(re.findall(r"Raises\n\s*-+\n(.*?)(?=\n\s*\n|\Z)", docstring, re.DOTALL))


def _raised(node: ast.AST) -> Iterator[str]:
    for one in ast.walk(node):
        if isinstance(one, ast.Raise) and one.exc is not None:
            kind = one.exc.func if isinstance(one.exc, ast.Call) else one.exc
            if isinstance(kind, ast.Name):
                yield kind.id


def _raises_again(handler: ast.ExceptHandler) -> bool:
    return any(isinstance(one, ast.Raise) and one.exc is None for one in ast.walk(handler))


def _named(kinds: ast.AST | None) -> set[str]:
    """Return the errors that an ``except`` takes, those of the classes that it names included."""
    named = {one.id for one in ast.walk(kinds) if isinstance(one, ast.Name)} if kinds else {"Exception"}
    everything = {"Exception", "VisionError"} & named
    return {
        *named,
        *(PERMANENT if everything or "Permanent" in named else ()),
        *(TRANSIENT if everything or "Transient" in named else ()),
    }


def _suppressed(node: ast.With) -> set[str]:
    (call, *_) = (item.context_expr for item in node.items)
    if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "suppress":
        return set().union(*map(_named, call.args))
    return set()


def _sdk_calls(node: ast.AST) -> Iterator[tuple[str, str]]:
    clients = {
        one.targets[0].id: service
        for one in ast.walk(node)
        if isinstance(one, ast.Assign) and isinstance(one.targets[0], ast.Name) and (service := _client(one.value))
    }
    for one in ast.walk(node):
        if isinstance(one, ast.Call) and isinstance(one.func, ast.Attribute):
            owner = one.func.value
            service = _client(owner) or (clients.get(owner.id) if isinstance(owner, ast.Name) else None)
            if service:
                paginated = one.func.attr == "get_paginator" and isinstance(one.args[0], ast.Constant)
                yield service, str(one.args[0].value) if paginated else one.func.attr


def _client(node: ast.AST) -> str | None:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "client":
        return str(node.args[0].value) if isinstance(node.args[0], ast.Constant) else None
    return None


CODE = Code()
