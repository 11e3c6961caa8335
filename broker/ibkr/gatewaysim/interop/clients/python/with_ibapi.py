"""Walks through a gateway with ibapi and prints what it saw, a JSON object a line.

Arguments: host, port, client id. The steps and their fields are in story_test.go.
"""

import json
import logging
import sys
import threading
import time
from datetime import datetime
from types import SimpleNamespace
from zoneinfo import ZoneInfo

from ibapi.client import EClient
from ibapi.contract import Contract
from ibapi.execution import ExecutionFilter
from ibapi.order import Order
from ibapi.order_cancel import OrderCancel
from ibapi.wrapper import EWrapper

WAIT = 15


def emit(step, **seen):
    print(json.dumps({"step": step, **seen}, default=str), flush=True)


def stock(symbol):
    c = Contract()
    c.symbol, c.secType, c.exchange, c.currency = symbol, "STK", "SMART", "USD"
    return c


def order(action, quantity, kind, ref, limit=None):
    o = Order()
    o.action, o.totalQuantity, o.orderType, o.orderRef, o.account = action, quantity, kind, ref, "DU1"
    if limit is not None:
        o.lmtPrice = limit
    return o


def echo(h):
    o = h.order
    return {"quantity": o.totalQuantity, "limit": o.lmtPrice, "kind": o.orderType, "tif": o.tif, "account": o.account,
            "symbol": h.contract.symbol, "status": h.state.status}


def unix(text):
    day, clock, *zone = text.split()
    at = datetime.strptime(day + clock, "%Y%m%d%H:%M:%S")
    return int(at.replace(tzinfo=ZoneInfo(zone[0] if zone else "US/Eastern")).timestamp())


class Ear(EWrapper):
    """Keeps every callback that the walk asks for, by name."""

    def __init__(self):
        EWrapper.__init__(self)
        self.changed = threading.Condition()
        self.heard = []

    def hear(self, name, **fields):
        with self.changed:
            self.heard.append(SimpleNamespace(name=name, **fields))
            self.changed.notify_all()

    def all(self, name, **match):
        with self.changed:
            return [h for h in self.heard if h.name == name and all(getattr(h, k) == v for k, v in match.items())]

    def wait(self, name, check=lambda h: True, **match):
        """Returns the last callback that matches, as soon as there is one."""
        end = time.monotonic() + WAIT
        with self.changed:
            while True:
                found = [h for h in self.all(name, **match) if check(h)]
                if found:
                    return found[-1]
                if not self.changed.wait(end - time.monotonic()):
                    raise TimeoutError(f"waited {WAIT} s for {name} {match}; heard {self.heard[-5:]}")

    def error(self, reqId, errorTime, errorCode, errorString, advancedOrderRejectJson=""):
        self.hear("error", id=reqId, code=errorCode, text=errorString)

    def nextValidId(self, orderId):
        self.hear("next", id=orderId)

    def managedAccounts(self, accountsList):
        self.hear("accounts", ids=[a for a in accountsList.split(",") if a])

    def currentTime(self, time):
        self.hear("time", unix=time)

    def updateAccountValue(self, key, val, currency, accountName):
        self.hear("value", key=key, value=val, currency=currency, account=accountName)

    def updatePortfolio(self, contract, position, marketPrice, marketValue, averageCost, unrealizedPNL, realizedPNL, accountName):
        self.hear("portfolio", row={
            "symbol": contract.symbol, "con_id": contract.conId, "quantity": position, "price": marketPrice,
            "value": marketValue, "cost": averageCost, "unrealized": unrealizedPNL})

    def accountDownloadEnd(self, accountName):
        self.hear("accountEnd", account=accountName)

    def accountSummary(self, reqId, account, tag, value, currency):
        self.hear("summary", id=reqId, tag=tag, value=value)

    def accountSummaryEnd(self, reqId):
        self.hear("summaryEnd", id=reqId)

    def position(self, account, contract, position, avgCost):
        self.hear("position", row={"symbol": contract.symbol, "con_id": contract.conId, "quantity": position, "cost": avgCost})

    def positionEnd(self):
        self.hear("positionEnd")

    def contractDetails(self, reqId, contractDetails):
        self.hear("details", id=reqId, details=contractDetails)

    def contractDetailsEnd(self, reqId):
        self.hear("detailsEnd", id=reqId)

    def symbolSamples(self, reqId, contractDescriptions):
        self.hear("symbols", id=reqId, found=contractDescriptions)

    def marketDataType(self, reqId, marketDataType):
        self.hear("kind", id=reqId, kind=marketDataType)

    def tickPrice(self, reqId, tickType, price, attrib):
        self.hear("price", id=reqId, tick=tickType, value=price)

    def tickSize(self, reqId, tickType, size):
        self.hear("size", id=reqId, tick=tickType, value=size)

    def tickSnapshotEnd(self, reqId):
        self.hear("snapshotEnd", id=reqId)

    def historicalData(self, reqId, bar):
        self.hear("bar", id=reqId, row={
            "date": bar.date, "open": bar.open, "high": bar.high, "low": bar.low, "close": bar.close, "volume": bar.volume})

    def historicalDataEnd(self, reqId, start, end):
        self.hear("barsEnd", id=reqId)

    def openOrder(self, orderId, contract, order, orderState):
        self.hear("openOrder", id=orderId, contract=contract, order=order, state=orderState)

    def openOrderEnd(self):
        self.hear("openOrderEnd")

    def orderStatus(self, orderId, status, filled, remaining, avgFillPrice, permId, *rest):
        self.hear("status", id=orderId, status=status, filled=filled, remaining=remaining, average=avgFillPrice, perm_id=permId)

    def execDetails(self, reqId, contract, execution):
        self.hear("execution", id=reqId, execution=execution)

    def execDetailsEnd(self, reqId):
        self.hear("executionsEnd", id=reqId)

    def commissionAndFeesReport(self, commissionAndFeesReport):
        r = commissionAndFeesReport
        self.hear("fee", exec_id=r.execId, fee=r.commissionAndFees)

    def completedOrder(self, contract, order, orderState):
        self.hear("completed", row={
            "ref": order.orderRef, "perm_id": order.permId, "status": orderState.status, "filled": order.filledQuantity})

    def completedOrdersEnd(self):
        self.hear("completedEnd")


exceptions = []


class Notice(logging.Handler):
    """Keeps the exceptions that the client logs and goes on after."""

    def emit(self, record):
        if record.exc_info:
            exceptions.append(f"{record.getMessage()}: {record.exc_info[1]!r}")


class Walk:
    def __init__(self, host, port, client):
        self.host, self.port, self.client = host, port, client
        self.connect()

    def connect(self):
        self.ear = Ear()
        self.ib = EClient(self.ear)
        self.ib.connect(self.host, self.port, self.client)
        self.thread = threading.Thread(target=self.ib.run, daemon=True)
        self.thread.start()
        self.reader = self.ib.reader
        self.next = self.ear.wait("next").id

    def disconnect(self):
        self.ib.disconnect()
        for thread in (self.thread, self.reader):  # the socket is open as long as the reader reads
            thread.join(WAIT)
            if thread.is_alive():
                raise TimeoutError(f"{thread.name} did not end")

    def new_id(self):
        self.next += 1
        return self.next - 1

    def run(self):
        emit("connected", version=self.ib.serverVersion(), accounts=self.ear.wait("accounts").ids)
        self.ib.reqCurrentTime()
        emit("time", unix=self.ear.wait("time").unix)
        self.account()
        self.contracts()
        self.prices()
        self.history()
        self.preview()
        self.market_order()
        self.resting_order()
        self.refused_order()
        self.cancel_all()
        self.reports()
        self.return_to_open_order()
        self.disconnect()
        emit("done", codes=sorted(self.codes | {e.code for e in self.ear.all("error")}), exceptions=exceptions)

    def account(self):
        ib, ear = self.ib, self.ear
        ib.reqAccountUpdates(True, "DU1")
        ear.wait("accountEnd", account="DU1")
        emit("values", values={v.key: v.value for v in ear.all("value") if v.currency in ("", "USD")})
        emit("portfolio", rows=[p.row for p in ear.all("portfolio")])
        ib.reqAccountUpdates(False, "DU1")
        ib.reqPositions()
        ear.wait("positionEnd")
        emit("positions", rows=[p.row for p in ear.all("position")])
        ib.cancelPositions()
        ib.reqAccountSummary(9001, "All", "NetLiquidation,TotalCashValue,AccountType")
        ear.wait("summaryEnd", id=9001)
        emit("summary", values={v.tag: v.value for v in ear.all("summary", id=9001)})
        ib.cancelAccountSummary(9001)

    def contracts(self):
        ib, ear = self.ib, self.ear
        for n, symbol in enumerate(("AAPL", "GLE")):
            ib.reqContractDetails(9010 + n, stock(symbol))
            ear.wait("detailsEnd", id=9010 + n)
            for d in (h.details for h in ear.all("details", id=9010 + n)):
                emit("details", symbol=d.contract.symbol, con_id=d.contract.conId, primary=d.contract.primaryExchange,
                     name=d.longName, tick=d.minTick, zone=d.timeZoneId, hours=d.tradingHours, stock_type=d.stockType,
                     min_size=d.minSize, increment=d.sizeIncrement)
        ib.reqContractDetails(9012, stock("NONE"))
        no = ear.wait("error", id=9012)
        emit("unknown_contract", code=no.code, count=len(ear.all("details", id=9012)))
        ib.reqMatchingSymbols(9013, "APPLE")
        emit("symbols", con_ids=[d.contract.conId for d in ear.wait("symbols", id=9013).found])

    def prices(self):
        ib, ear = self.ib, self.ear
        ib.reqMktData(9020, stock("AAPL"), "", True, False, [])
        ear.wait("snapshotEnd", id=9020)
        value = lambda what, tick, req: ear.all(what, id=req, tick=tick)[-1].value
        emit("snapshot", bid=value("price", 1, 9020), ask=value("price", 2, 9020), last=value("price", 4, 9020), close=value("price", 9, 9020),
             ask_size=value("size", 3, 9020), kind=ear.wait("kind", id=9020).kind)
        ib.reqMktData(9021, stock("AAPL"), "", False, False, [])
        bid, ask = ear.wait("price", id=9021, tick=1).value, ear.wait("price", id=9021, tick=2).value
        emit("streaming", bid=bid, ask=ask)
        last = ear.wait("price", id=9021, tick=4, value=151.0).value
        emit("moved", bid=value("price", 1, 9021), ask=value("price", 2, 9021), last=last)
        ib.cancelMktData(9021)

    def history(self):
        self.ib.reqHistoricalData(9030, stock("AAPL"), "", "2 W", "1 day", "TRADES", 1, 1, False, [])
        self.ear.wait("barsEnd", id=9030)
        emit("bars", rows=[b.row for b in self.ear.all("bar", id=9030)])

        self.ib.reqHistoricalData(9031, stock("MSFT"), "", "3600 S", "1 min", "MIDPOINT", 0, 2, False, [])
        self.ear.wait("barsEnd", id=9031)
        emit("minutes", rows=[{"unix": b.row["date"], "close": b.row["close"]} for b in self.ear.all("bar", id=9031)])

    def place(self, *terms, what_if=False):
        id, o = self.new_id(), order(*terms)
        o.whatIf = what_if
        self.ib.placeOrder(id, stock("AAPL"), o)
        return id

    def preview(self):
        id = self.place("BUY", 10, "MKT", "preview", what_if=True)
        state = self.ear.wait("openOrder", id=id).state
        emit("preview", commission=state.commissionAndFees, margin=float(state.initMarginAfter), equity=float(state.equityWithLoanAfter))

    def market_order(self):
        ear = self.ear
        id = self.place("BUY", 10, "MKT", "market")
        status = ear.wait("status", id=id, status="Filled")
        x = ear.wait("execution", check=lambda h: h.execution.orderId == id).execution
        emit("filled", ref=x.orderRef, order_id=id, perm_id=status.perm_id, status=status.status, filled=status.filled, average=status.average,
             exec_id=x.execId, side=x.side, price=x.price, fee=ear.wait("fee", exec_id=x.execId).fee, unix=unix(x.time))

    def resting_order(self):
        ib, ear = self.ib, self.ear
        id = self.place("SELL", 4, "LMT", "resting", 200.5)
        status = ear.wait("status", id=id, status="Submitted")
        emit("resting", ref="resting", order_id=id, perm_id=status.perm_id, status=status.status, limit=ear.wait("openOrder", id=id).order.lmtPrice)
        ib.placeOrder(id, stock("AAPL"), order("SELL", 5, "LMT", "resting", 201.5))
        ear.wait("status", id=id, remaining=5)
        before = len(ear.heard)
        ib.reqAllOpenOrders()
        ear.wait("openOrderEnd")
        [h] = [h for h in ear.heard[before:] if h.name == "openOrder"]
        emit("modified", ref=h.order.orderRef, **echo(h))
        self.cancel(id, "resting")

    def cancel(self, id, ref):
        self.ib.cancelOrder(id, OrderCancel())
        status = self.ear.wait("status", id=id, status="Cancelled")
        emit("cancelled", ref=ref, status=status.status, code=self.ear.wait("error", id=id, code=202).code, filled=status.filled)

    def refused_order(self):
        id = self.place("BUY", 1, "LMT", "crooked", 99.999)
        emit("refused", code=self.ear.wait("error", id=id).code)
        self.ib.cancelOrder(99999, OrderCancel())
        emit("unknown_order", code=self.ear.wait("error", id=99999).code)

    def cancel_all(self):
        ids = [self.place("BUY", 1, "LMT", f"global {n}", 80) for n in (1, 2)]
        for id in ids:
            self.ear.wait("status", id=id, status="Submitted")
        self.ib.reqGlobalCancel(OrderCancel())
        for id in ids:
            self.ear.wait("status", id=id, status="Cancelled")
        emit("cancelled_all", refs=[self.ear.wait("openOrder", id=id).order.orderRef for id in ids])

    def reports(self):
        ib, ear = self.ib, self.ear
        ib.reqExecutions(9040, ExecutionFilter())
        ear.wait("executionsEnd", id=9040)
        rows = [h.execution for h in ear.all("execution", id=9040)]
        emit("executions", rows=[
            {"exec_id": x.execId, "ref": x.orderRef, "quantity": x.shares, "price": x.price, "cum": x.cumQty, "perm_id": x.permId,
             "side": x.side, "account": x.acctNumber, "unix": unix(x.time)} for x in rows])
        ib.reqCompletedOrders(False)
        ear.wait("completedEnd")
        emit("completed", rows=[h.row for h in ear.all("completed")])
        with ear.changed:
            ear.heard = [h for h in ear.heard if h.name not in ("position", "positionEnd")]
        ib.reqPositions()
        ear.wait("positionEnd")
        emit("positions_after", rows=[h.row for h in ear.all("position")])

    def return_to_open_order(self):
        id, o = self.new_id(), order("BUY", 3, "LMT", "left", 90)
        o.transmit = False
        self.ib.placeOrder(id, stock("AAPL"), o)
        emit("held", status=self.ear.wait("status", id=id).status)
        o.transmit = True
        self.ib.placeOrder(id, stock("AAPL"), o)
        self.ear.wait("status", id=id, status="Submitted")
        self.disconnect()
        self.codes = {e.code for e in self.ear.all("error")}
        emit("away")
        sys.stdin.readline()  # the gateway has noticed
        self.connect()
        h = self.ear.wait("openOrder")
        emit("found", ref=h.order.orderRef, order_id=h.id, perm_id=h.order.permId, fresh_id=self.next > h.id, **echo(h))
        self.cancel(h.id, "left")


if __name__ == "__main__":
    logging.getLogger().addHandler(Notice())
    Walk(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])).run()
