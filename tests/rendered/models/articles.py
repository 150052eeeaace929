"""Many to many, one to many: relationships that no column of this table is about."""

from sqlalchemy import Column, ForeignKey, Index, String, Table
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.db.base import Base, Record
from app.models.users import User

coauthors = Table(
    "coauthors",
    Base.metadata,
    Column("article_id", ForeignKey("articles.id", ondelete="CASCADE"), primary_key=True),
    Column("user_id", ForeignKey("users.id", ondelete="CASCADE"), primary_key=True, index=True),
)


class Article(Record):
    __tablename__ = "articles"
    __table_args__ = (Index(None, "created_at", "id"),)

    title: Mapped[str] = mapped_column(String(200))
    writer_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)

    writer: Mapped[User] = relationship(lazy="raise")
    coauthors: Mapped[list[User]] = relationship(lazy="raise", secondary=coauthors)
