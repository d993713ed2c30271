"""A language server for `.cps`: errors while one types, formatting, documentation, completion.

`cpsc lsp` runs it on standard input and output, for editors that speak the Language Server
Protocol; `pip install cpushare[lsp]` brings what it needs.
"""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote, urlparse

from lsprotocol import types
from pygls.lsp.server import LanguageServer
from pygls.workspace import TextDocument

from compiler.check.builtins import BUILTINS
from compiler.diagnostics import CompileError, Diagnostic
from compiler.docs import documented, parsed, signature, standard_modules
from compiler.fmt import format_source
from compiler.pipeline import warnings_of
from compiler.source import Source, SourceError, Span
from compiler.tokens import KEYWORDS
from cpushare._version import __version__
from vm.types import ScalarType

server = LanguageServer("cpsc", __version__)
SEVERITY = {"error": types.DiagnosticSeverity.Error, "warning": types.DiagnosticSeverity.Warning}


def source_of(document: TextDocument) -> Source:
    """The text in the editor. Raises `SourceError`."""
    path = Path(unquote(urlparse(document.uri).path))
    return Source.from_text(path.name, document.source, path)


def findings(source: Source) -> tuple[Diagnostic, ...]:
    """Errors, or else warnings."""
    try:
        return warnings_of(source)
    except CompileError as error:
        return error.diagnostics


def range_of(span: Span, document: TextDocument) -> types.Range:
    """A span as the editor counts: lines and units from 0."""
    ends = []
    for offset in (span.start, max(span.end, span.start)):
        line, column = span.source.position(offset)
        ends.append(types.Position(line - 1, column - 1))
    whole = types.Range(*ends)
    return document.position_codec.range_to_client_units(document.lines, whole)


def told(finding: Diagnostic, document: TextDocument) -> types.Diagnostic | None:
    """A finding of this document as the editor takes it; None if it is of another file."""
    path = Path(unquote(urlparse(document.uri).path))
    if finding.span is not None and finding.span.source.path != path:
        return None
    start = types.Range(types.Position(0, 0), types.Position(0, 1))
    parts = [finding.message, finding.label]
    parts += [f"help: {text}" for text in finding.helps] + [f"note: {t}" for t in finding.notes]
    return types.Diagnostic(
        range_of(finding.span, document) if finding.span else start,
        "\n".join(part for part in parts if part),
        SEVERITY[finding.severity],
        finding.code,
        source="cpsc",
    )


def publish(uri: str) -> None:
    """Check a document and tell what was found."""
    document = server.workspace.get_text_document(uri)
    try:
        found = [told(each, document) for each in findings(source_of(document))]
    except SourceError as error:
        whole = types.Range(types.Position(0, 0), types.Position(0, 1))
        found = [types.Diagnostic(whole, str(error), types.DiagnosticSeverity.Error, source="cpsc")]
    server.text_document_publish_diagnostics(
        types.PublishDiagnosticsParams(uri, [each for each in found if each], document.version)
    )


@server.feature(types.TEXT_DOCUMENT_DID_OPEN)
def opened(params: types.DidOpenTextDocumentParams) -> None:
    """A document was opened."""
    publish(params.text_document.uri)


@server.feature(types.TEXT_DOCUMENT_DID_CHANGE)
def changed(params: types.DidChangeTextDocumentParams) -> None:
    """Something was typed."""
    publish(params.text_document.uri)


@server.feature(types.TEXT_DOCUMENT_FORMATTING)
def formatted(params: types.DocumentFormattingParams) -> list[types.TextEdit]:
    """The whole document, laid out; nothing if it does not parse."""
    document = server.workspace.get_text_document(params.text_document.uri)
    try:
        text = format_source(source_of(document))
    except (CompileError, SourceError):
        return []
    end = types.Position(len(document.lines) + 1, 0)
    return [types.TextEdit(types.Range(types.Position(0, 0), end), text)]


def names_known(document: TextDocument) -> dict[str, str]:
    """Names of this document and of the library, and what they are, as Markdown."""
    sources = standard_modules()
    try:
        own = parsed(source_of(document))
        sources.append(own.source)
    except (CompileError, SourceError):
        pass
    return {
        item.name.text: f"```cps\n{signature(item)}\n```\n\n{item.doc}\n\n{source.name}"
        for source in sources
        for item in documented(parsed(source))
    }


@server.feature(types.TEXT_DOCUMENT_HOVER)
def hovered(params: types.HoverParams) -> types.Hover | None:
    """What is known of the word under the pointer."""
    document = server.workspace.get_text_document(params.text_document.uri)
    text = names_known(document).get(document.word_at_position(params.position))
    if text is None:
        return None
    return types.Hover(types.MarkupContent(types.MarkupKind.Markdown, text))


@server.feature(types.TEXT_DOCUMENT_COMPLETION)
def completed(params: types.CompletionParams) -> list[types.CompletionItem]:
    """Words of the language, of this document and of the library."""
    document = server.workspace.get_text_document(params.text_document.uri)
    kinds = types.CompletionItemKind
    words = dict.fromkeys(KEYWORDS, (kinds.Keyword, ""))
    words |= {str(scalar): (kinds.TypeParameter, "") for scalar in ScalarType}
    words |= dict.fromkeys(BUILTINS, (kinds.Function, ""))
    words |= {name: (kinds.Function, text) for name, text in names_known(document).items()}
    return [
        types.CompletionItem(
            name,
            kind=kind,
            documentation=types.MarkupContent(types.MarkupKind.Markdown, text) if text else None,
        )
        for name, (kind, text) in sorted(words.items())
    ]
