"""Walks through a gateway with ib_async and prints what it saw, a JSON object a line.

Arguments: host, port, client id. The steps and their fields are in story_test.go.
"""

import asyncio
import json
import logging
import sys

from ib_async import IB, LimitOrder, MarketOrder, Stock

WAIT = 15


def emit(step, **seen):
    print(json.dumps({"step": step, **seen}), flush=True)


async def until(what, condition):
    for _ in range(WAIT * 200):
        if condition():
            return
        await asyncio.sleep(0.005)
    raise TimeoutError(f"waited {WAIT} s for {what}")


def echo(trade):
    o = trade.order
    return {"quantity": o.totalQuantity, "limit": o.lmtPrice, "kind": o.orderType, "tif": o.tif, "account": o.account,
            "symbol": trade.contract.symbol, "status": trade.orderStatus.status}


exceptions = []


class Notice(logging.Handler):
    """Keeps the exceptions that the client logs and goes on after."""

    def emit(self, record):
        if record.exc_info:
            exceptions.append(f"{record.getMessage()}: {record.exc_info[1]!r}")


class Walk:
    def __init__(self, host, port, client):
        self.host, self.port, self.client = host, port, client
        self.errors = []
        self.ib = self.gateway()

    def gateway(self):
        ib = IB()
        ib.TimezoneTWS = "US/Eastern"  # of times without a zone, before version 174
        ib.errorEvent += lambda req, code, text, contract: self.errors.append((req, code))
        return ib

    async def error(self, code):
        await until(f"error {code}", lambda: any(c == code for _, c in self.errors))

    async def run(self):
        await self.connect()
        self.account()
        await self.account_summary()
        await self.contracts()
        await self.prices()
        await self.history()
        await self.orders()
        await self.reports()
        await self.return_to_open_order()
        self.ib.disconnect()
        emit("done", codes=sorted({c for _, c in self.errors}), exceptions=exceptions)

    async def connect(self):
        await self.ib.connectAsync(self.host, self.port, clientId=self.client, timeout=WAIT)
        emit("connected", version=self.ib.client.serverVersion(), accounts=self.ib.managedAccounts())
        now = await self.ib.reqCurrentTimeAsync()
        emit("time", unix=int(now.timestamp()))

    def account(self):
        values = {v.tag: v.value for v in self.ib.accountValues() if v.currency in ("", "USD")}
        emit("values", values=values)
        emit("portfolio", rows=[
            {"symbol": p.contract.symbol, "con_id": p.contract.conId, "quantity": p.position, "price": p.marketPrice,
             "value": p.marketValue, "cost": p.averageCost, "unrealized": p.unrealizedPNL} for p in self.ib.portfolio()])
        emit("positions", rows=[
            {"symbol": p.contract.symbol, "con_id": p.contract.conId, "quantity": p.position, "cost": p.avgCost} for p in self.ib.positions()])

    async def account_summary(self):
        await self.ib.reqAccountSummaryAsync()
        emit("summary", values={v.tag: v.value for v in self.ib.accountValues() if v.currency in ("", "USD")})

    async def contracts(self):
        for symbol in ("AAPL", "GLE"):
            for d in await self.ib.reqContractDetailsAsync(Stock(symbol, "SMART", "USD")):
                emit("details", symbol=d.contract.symbol, con_id=d.contract.conId, primary=d.contract.primaryExchange,
                     name=d.longName, tick=d.minTick, zone=d.timeZoneId, hours=d.tradingHours, stock_type=d.stockType,
                     min_size=d.minSize, increment=d.sizeIncrement)
        rows = await self.ib.reqContractDetailsAsync(Stock("NONE", "SMART", "USD"))
        await self.error(200)
        emit("unknown_contract", code=200, count=len(rows))
        found = await self.ib.reqMatchingSymbolsAsync("APPLE")
        emit("symbols", con_ids=[f.contract.conId for f in found])

    async def prices(self):
        apple = Stock("AAPL", "SMART", "USD")
        await self.ib.qualifyContractsAsync(apple)
        [t] = await self.ib.reqTickersAsync(apple)
        emit("snapshot", bid=t.bid, ask=t.ask, last=t.last, close=t.close, ask_size=t.askSize, kind=t.marketDataType)
        t = self.ib.reqMktData(apple)
        await until("the first price", lambda: t.bid > 0 and t.ask > 0)
        first = t.bid
        emit("streaming", bid=t.bid, ask=t.ask)
        await until("a new price", lambda: t.bid != first and t.last == 151)
        emit("moved", bid=t.bid, ask=t.ask, last=t.last)
        self.ib.cancelMktData(apple)
        self.apple = apple

    async def history(self):
        bars = await self.ib.reqHistoricalDataAsync(
            self.apple, endDateTime="", durationStr="2 W", barSizeSetting="1 day", whatToShow="TRADES", useRTH=True)
        emit("bars", rows=[
            {"date": b.date.strftime("%Y%m%d"), "open": b.open, "high": b.high, "low": b.low, "close": b.close, "volume": b.volume} for b in bars])

        bars = await self.ib.reqHistoricalDataAsync(
            Stock("MSFT", "SMART", "USD"), endDateTime="", durationStr="3600 S", barSizeSetting="1 min", whatToShow="MIDPOINT", useRTH=False, formatDate=2)
        emit("minutes", rows=[{"unix": int(b.date.timestamp()), "close": b.close} for b in bars])

    def order(self, order, ref):
        order.orderRef, order.account, order.tif = ref, "DU1", "DAY"
        return order

    async def orders(self):
        state = await self.ib.whatIfOrderAsync(self.apple, self.order(MarketOrder("BUY", 10), "preview"))
        emit("preview", commission=state.commission, margin=float(state.initMarginAfter), equity=float(state.equityWithLoanAfter))

        trade = self.ib.placeOrder(self.apple, self.order(MarketOrder("BUY", 10), "market"))
        await until("the fill", lambda: trade.isDone() and trade.fills and trade.fills[0].commissionReport.execId)
        fill = trade.fills[0]
        emit("filled", ref=trade.order.orderRef, order_id=trade.order.orderId, perm_id=trade.order.permId, status=trade.orderStatus.status,
             filled=trade.orderStatus.filled, average=trade.orderStatus.avgFillPrice, exec_id=fill.execution.execId,
             side=fill.execution.side, price=fill.execution.price, fee=fill.commissionReport.commission,
             unix=int(fill.execution.time.timestamp()))

        trade = self.ib.placeOrder(self.apple, self.order(LimitOrder("SELL", 4, 200.5), "resting"))
        await until("the acknowledgement", lambda: trade.orderStatus.status == "Submitted")
        emit("resting", ref="resting", order_id=trade.order.orderId, perm_id=trade.order.permId, status=trade.orderStatus.status, limit=trade.order.lmtPrice)
        trade.order.totalQuantity, trade.order.lmtPrice = 5, 201.5
        self.ib.placeOrder(self.apple, trade.order)
        await until("the change", lambda: trade.orderStatus.remaining == 5)
        [seen] = [t for t in await self.ib.reqAllOpenOrdersAsync() if t.order.orderRef == "resting"]
        emit("modified", ref=seen.order.orderRef, **echo(seen))
        self.ib.cancelOrder(trade.order)
        await until("the cancel", lambda: trade.orderStatus.status == "Cancelled")
        await self.error(202)
        emit("cancelled", ref="resting", status=trade.orderStatus.status, code=202, filled=trade.orderStatus.filled)

        self.ib.placeOrder(self.apple, self.order(LimitOrder("BUY", 1, 99.999), "crooked"))
        await self.error(110)
        emit("refused", code=110)

        self.ib.client.cancelOrder(99999)
        await self.error(10147)
        emit("unknown_order", code=10147)
        trades = [self.ib.placeOrder(self.apple, self.order(LimitOrder("BUY", 1, 80), f"global {n}")) for n in (1, 2)]
        await until("the acknowledgements", lambda: all(t.orderStatus.status == "Submitted" for t in trades))
        self.ib.reqGlobalCancel()
        await until("the end of all orders", lambda: all(t.orderStatus.status == "Cancelled" for t in trades))
        emit("cancelled_all", refs=[t.order.orderRef for t in trades])

    async def reports(self):
        rows = [f.execution for f in await self.ib.reqExecutionsAsync()]
        emit("executions", rows=[
            {"exec_id": x.execId, "ref": x.orderRef, "quantity": x.shares, "price": x.price, "cum": x.cumQty, "perm_id": x.permId,
             "side": x.side, "account": x.acctNumber, "unix": int(x.time.timestamp())} for x in rows])
        done = await self.ib.reqCompletedOrdersAsync(False)
        emit("completed", rows=[
            {"ref": t.order.orderRef, "perm_id": t.order.permId, "status": t.orderStatus.status, "filled": t.order.filledQuantity} for t in done])
        emit("positions_after", rows=[
            {"symbol": p.contract.symbol, "con_id": p.contract.conId, "quantity": p.position, "cost": p.avgCost} for p in self.ib.positions()])

    async def return_to_open_order(self):
        trade = self.ib.placeOrder(self.apple, self.order(LimitOrder("BUY", 3, 90, transmit=False), "left"))
        await until("the order to be held", lambda: trade.orderStatus.status == "Inactive")
        emit("held", status=trade.orderStatus.status)
        trade.order.transmit = True
        self.ib.client.placeOrder(trade.order.orderId, self.apple, trade.order)  # ib.placeOrder takes Inactive for the end
        await until("the acknowledgement", lambda: trade.orderStatus.status == "Submitted")
        self.ib.disconnect()
        emit("away")
        await asyncio.to_thread(sys.stdin.readline)  # the gateway has noticed
        again = self.ib = self.gateway()
        await again.connectAsync(self.host, self.port, clientId=self.client, timeout=WAIT)
        [found] = again.openTrades()
        emit("found", ref=found.order.orderRef, order_id=found.order.orderId, perm_id=found.order.permId, fresh_id=again.client.getReqId() > found.order.orderId, **echo(found))
        again.cancelOrder(found.order)
        await until("the cancel", lambda: found.orderStatus.status == "Cancelled")
        emit("cancelled", ref="left", status=found.orderStatus.status, code=202, filled=found.orderStatus.filled)


if __name__ == "__main__":
    logging.getLogger().addHandler(Notice())
    asyncio.run(Walk(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])).run())
