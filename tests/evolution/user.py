"""A program that uses the changed document. Type checkers must report exactly the lines that end in `# wrong`."""

from openrouter_generated import components, operations
from openrouter_generated.api.embeddings import Embeddings
from openrouter_generated.api.library_books import LibraryBooks


def new_operations(books: LibraryBooks) -> None:
    book = books.add(
        shelf_id="s", title="T", cover={"kind": "paper", "pages": 3}, authors=["a", {"name": "b"}], price=3
    )
    books.add(shelf_id="s", title="T", cover=components.Cloth(colour="red"), authors="a", language="de")
    books.add(shelf_id="s", title="T", cover={"kind": "cloth"}, sequels=[{"title": "U", "cover": {"kind": "cloth"}}])
    books.add(shelf_id="s", title="T", cover={"kind": "cloth"}, attributes={"editor": {"name": "x", "born": 1}})
    title: str = book.next.title if book.next else book.title
    page = books.search(shelf_id="s", tag=["old"], order="year", min_pages=2, signed=True, timeout_ms=5)
    cursor: str | None = page.next_cursor
    names: list[str] = books.rename_tags(body=[{"from": "a", "to": "new"}])
    print(title, cursor, names, [book.id for book in page.data])
    books.remove_book(shelf_id="s", n=1)

    books.add(shelf_id="s", title="T")  # wrong
    books.add(shelf_id="s", title="T", cover={"kind": "glass"})  # wrong
    books.add(shelf_id="s", title="T", cover={"kind": "paper", "page": 3})  # wrong
    books.add(shelf_id="s", title="T", cover={"kind": "cloth"}, authors=[3])  # wrong
    books.add(shelf_id="s", title="T", cover={"kind": "cloth"}, language="fr")  # wrong
    books.search(shelf_id="s", order="size")  # wrong
    books.search(tag=["old"])  # wrong
    books.search(shelf_id="s", limit=3)  # wrong
    books.rename_tags(body=[{"from": "a", "to": "newer"}])  # wrong
    print(books.search(shelf_id="s").data[0].name)  # wrong


async def new_operations_async(books: LibraryBooks) -> components.Book:
    await books.search_async(shelf_id=3)  # wrong
    return await books.add_async(shelf_id="s", title="T", cover=components.Paper(pages=3))


def changed_operations(embeddings: Embeddings) -> None:
    answer = embeddings.generate(
        input="a", model="m", provider={"zero_retention": True}, encoding_format="int8", truncate=True
    )
    region: str | None = answer.region
    known: operations.EncodingFormat = "int8"
    print(region, known)
    embeddings.generate(input="a", model="m", provider={"zdr": True})  # wrong
    embeddings.generate(input="a", model="m", truncate="yes")  # wrong
    embeddings.generate(input="a", model="m", encoding_format="int9")  # wrong
