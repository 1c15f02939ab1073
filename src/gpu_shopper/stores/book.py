"""All books over one connection, whose owner begins and ends the transactions."""

from datetime import datetime

from sqlalchemy import select

from gpu_shopper.domain.ids import DeploymentId
from gpu_shopper.ports.books import Deployment
from gpu_shopper.stores.account_book import SqlAccountBook
from gpu_shopper.stores.cost_book import SqlCostBook
from gpu_shopper.stores.event_book import SqlEventBook
from gpu_shopper.stores.key_book import SqlKeyBook
from gpu_shopper.stores.launch_book import SqlLaunchBook
from gpu_shopper.stores.moments import micros, moment
from gpu_shopper.stores.notice_book import SqlNoticeBook
from gpu_shopper.stores.price_book import SqlPriceBook
from gpu_shopper.stores.schema import deployment
from gpu_shopper.stores.session_book import FORGET_CLAIMS, SqlSessionBook
from gpu_shopper.stores.statements import Connection, Prepared
from gpu_shopper.stores.surplus_book import SqlSurplusBook
from gpu_shopper.stores.token_book import SqlTokenBook

_WHO = Prepared(select(deployment.c.id, deployment.c.epoch, deployment.c.created_at))
_FOUND = Prepared(deployment.insert())


class SqlBook:
    """The `Book` of one connection; of use only while a transaction is open there."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.sessions = SqlSessionBook(connection)
        self.launches = SqlLaunchBook(connection)
        self.costs = SqlCostBook(connection)
        self.events = SqlEventBook(connection)
        self.keys = SqlKeyBook(connection)
        self.tokens = SqlTokenBook(connection)
        self.accounts = SqlAccountBook(connection)
        self.surplus = SqlSurplusBook(connection)
        self.notices = SqlNoticeBook(connection)
        self.prices = SqlPriceBook(connection)

    def deployment(self) -> Deployment:
        """Return who we are."""
        key, epoch, created_at = self._connection.execute(_WHO).fetchone()
        return Deployment(id=DeploymentId(key), epoch=epoch, created_at=moment(created_at))

    def has_deployment(self) -> bool:
        """Return whether this book already knows whose it is."""
        return self._connection.value(_WHO) is not None

    def found_deployment(self, key: DeploymentId, *, at: datetime) -> None:
        """Write down who we are: once in the life of a book."""
        values = {"singleton": 1, "id": key, "epoch": 1, "created_at": micros(at)}
        self._connection.execute(_FOUND, values)

    def forget_claims(self) -> None:
        """Free every row: whoever held it is gone. The next claim raises its epoch all the same."""
        self._connection.execute(FORGET_CLAIMS)
