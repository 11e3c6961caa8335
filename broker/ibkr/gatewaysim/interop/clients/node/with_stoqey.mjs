// Walks through a gateway with @stoqey/ib and prints what it saw, a JSON object
// a line. Arguments: the folder in which @stoqey/ib is installed, host, port,
// client id. The steps and their fields are in story_test.go.

import { once } from "node:events";
import { createRequire } from "node:module";
import path from "node:path";

const [folder, host, port, client] = process.argv.slice(2);
const { IBApi, EventName } = createRequire(path.join(folder, "package.json"))("@stoqey/ib");

const WAIT = 15_000;

function emit(step, seen = {}) {
  process.stdout.write(JSON.stringify({ step, ...seen }) + "\n");
}

function stock(symbol) {
  return { symbol, secType: "STK", exchange: "SMART", currency: "USD" };
}

function order(action, totalQuantity, orderType, orderRef, lmtPrice) {
  return { action, totalQuantity, orderType, orderRef, lmtPrice, account: "DU1", transmit: true, tif: "DAY" };
}

function echo(c, o, state) {
  return { quantity: o.totalQuantity, limit: o.lmtPrice, kind: o.orderType, tif: o.tif, account: o.account, symbol: c.symbol, status: state.status };
}

function unix(text) {
  const [, y, m, d, h, min, s, zone] = text.match(/^(\d{4})(\d\d)(\d\d) +(\d\d):(\d\d):(\d\d)(?: (.+))?$/);
  const utc = Date.UTC(y, m - 1, d, h, min, s);
  const there = new Intl.DateTimeFormat("en-US", {
    timeZone: zone ?? "US/Eastern", hourCycle: "h23", year: "numeric", month: "numeric", day: "numeric", hour: "numeric", minute: "numeric", second: "numeric",
  });
  const part = Object.fromEntries(there.formatToParts(utc).map((p) => [p.type, p.value]));
  const shown = Date.UTC(part.year, part.month - 1, part.day, part.hour, part.minute, part.second);
  return (utc - (shown - utc)) / 1000;
}

// Ear keeps every event of a connection, and waits for one.
class Ear {
  heard = [];
  waiting = new Set();

  constructor(ib) {
    ib.on(EventName.all, (name, args) => {
      this.heard.push({ name, args });
      for (const look of this.waiting) look();
    });
  }

  all(name, check = () => true) {
    return this.heard.filter((h) => h.name === name && check(...h.args)).map((h) => h.args);
  }

  // wait returns the arguments of the last event that matches, as soon as there is one.
  wait(name, check = () => true) {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.waiting.delete(look);
        reject(new Error(`waited ${WAIT} ms for ${name} ${check}; heard ${JSON.stringify(this.heard.slice(-5))}`));
      }, WAIT);
      const look = () => {
        const found = this.all(name, check);
        if (found.length === 0) return;
        clearTimeout(timer);
        this.waiting.delete(look);
        resolve(found.at(-1));
      };
      this.waiting.add(look);
      look();
    });
  }

  forget(...names) {
    this.heard = this.heard.filter((h) => !names.includes(h.name));
  }
}

const values = (rows) => Object.fromEntries(rows.filter(([, , currency]) => currency === "" || currency === "USD" || currency === undefined).map(([k, v]) => [k, v]));

class Walk {
  codes = new Set();
  exceptions = [];

  async connect() {
    this.ib = new IBApi({ host, port: Number(port) });
    this.ear = new Ear(this.ib);
    this.ib.on(EventName.error, (error, code, id) => {
      if (code === 505 || code < 0) this.exceptions.push(error.message); // the client's own: what it could not read
      else this.codes.add(code);
    });
    this.ib.on(EventName.info, (_, code) => this.codes.add(code));
    this.ib.connect(Number(client));
    [this.next] = await this.ear.wait(EventName.nextValidId);
  }

  async disconnect() {
    this.ib.disconnect();
    await this.ear.wait(EventName.disconnected);
  }

  // error waits for an error of a request.
  async error(id, code) {
    const [, got] = await this.ear.wait(EventName.error, (_, c, i) => i === id && (code === undefined || c === code));
    return got;
  }

  async run() {
    await this.connect();
    const [accounts] = await this.ear.wait(EventName.managedAccounts);
    emit("connected", { version: this.ib.serverVersion, accounts: accounts.split(",").filter((a) => a) });
    this.ib.reqCurrentTime();
    emit("time", { unix: (await this.ear.wait(EventName.currentTime))[0] });
    await this.account();
    await this.contracts();
    await this.prices();
    await this.history();
    await this.minutes();
    await this.preview();
    await this.marketOrder();
    await this.restingOrder();
    await this.refusedOrder();
    await this.cancelAll();
    await this.reports();
    await this.returnToOpenOrder();
    await this.disconnect();
    emit("done", { codes: [...this.codes].sort((a, b) => a - b), exceptions: this.exceptions });
  }

  async account() {
    const { ib, ear } = this;
    ib.reqAccountUpdates(true, "DU1");
    await ear.wait(EventName.accountDownloadEnd);
    emit("values", { values: values(ear.all(EventName.updateAccountValue)) });
    emit("portfolio", {
      rows: ear.all(EventName.updatePortfolio).map(([c, quantity, price, value, cost, unrealized]) => ({
        symbol: c.symbol, con_id: c.conId, quantity, price, value, cost, unrealized,
      })),
    });
    ib.reqAccountUpdates(false, "DU1");
    emit("positions", { rows: await this.positions() });
    ib.reqAccountSummary(9001, "All", "NetLiquidation,TotalCashValue,AccountType");
    await ear.wait(EventName.accountSummaryEnd, (id) => id === 9001);
    emit("summary", { values: values(ear.all(EventName.accountSummary).map(([, , tag, value]) => [tag, value])) });
    ib.cancelAccountSummary(9001);
  }

  async positions() {
    this.ear.forget(EventName.position, EventName.positionEnd);
    this.ib.reqPositions();
    await this.ear.wait(EventName.positionEnd);
    this.ib.cancelPositions();
    return this.ear.all(EventName.position).map(([, c, quantity, cost]) => ({ symbol: c.symbol, con_id: c.conId, quantity, cost }));
  }

  async contracts() {
    const { ib, ear } = this;
    for (const [n, symbol] of ["AAPL", "GLE"].entries()) {
      const req = 9010 + n;
      ib.reqContractDetails(req, stock(symbol));
      await ear.wait(EventName.contractDetailsEnd, (id) => id === req);
      for (const [, d] of ear.all(EventName.contractDetails, (id) => id === req)) {
        emit("details", {
          symbol: d.contract.symbol, con_id: d.contract.conId, primary: d.contract.primaryExch, name: d.longName, tick: d.minTick,
          zone: d.timeZoneId, hours: d.tradingHours, stock_type: d.stockType, min_size: d.minSize, increment: d.sizeIncrement,
        });
      }
    }
    ib.reqContractDetails(9012, stock("NONE"));
    emit("unknown_contract", { code: await this.error(9012), count: ear.all(EventName.contractDetails, (id) => id === 9012).length });
    ib.reqMatchingSymbols(9013, "APPLE");
    const [, found] = await ear.wait(EventName.symbolSamples, (id) => id === 9013);
    emit("symbols", { con_ids: found.map((d) => d.contract.conId) });
  }

  async prices() {
    const { ib, ear } = this;
    const price = (req, tick) => ear.all(EventName.tickPrice, (id, t) => id === req && t === tick).at(-1)?.[2];
    ib.reqMktData(9020, stock("AAPL"), "", true, false);
    await ear.wait(EventName.tickSnapshotEnd, (id) => id === 9020);
    emit("snapshot", {
      bid: price(9020, 1), ask: price(9020, 2), last: price(9020, 4), close: price(9020, 9),
      ask_size: ear.all(EventName.tickSize, (id, t) => id === 9020 && t === 3).at(-1)?.[2],
      kind: (await ear.wait(EventName.marketDataType, (id) => id === 9020))[1],
    });
    ib.reqMktData(9021, stock("AAPL"), "", false, false);
    await ear.wait(EventName.tickPrice, (id, t) => id === 9021 && t === 4);
    emit("streaming", { bid: price(9021, 1), ask: price(9021, 2) });
    await ear.wait(EventName.tickPrice, (id, t, p) => id === 9021 && t === 4 && p === 151);
    emit("moved", { bid: price(9021, 1), ask: price(9021, 2), last: price(9021, 4) });
    ib.cancelMktData(9021);
  }

  async history() {
    this.ib.reqHistoricalData(9030, stock("AAPL"), "", "2 W", "1 day", "TRADES", 1, 1, false);
    await this.ear.wait(EventName.historicalData, (id, date) => id === 9030 && date.startsWith("finished"));
    emit("bars", {
      rows: this.ear
        .all(EventName.historicalData, (id, date) => id === 9030 && !date.startsWith("finished"))
        .map(([, date, open, high, low, close, volume]) => ({ date, open, high, low, close, volume })),
    });
  }

  async minutes() {
    this.ib.reqHistoricalData(9031, stock("MSFT"), "", "3600 S", "1 min", "MIDPOINT", 0, 2, false);
    await this.ear.wait(EventName.historicalData, (id, date) => id === 9031 && date.startsWith("finished"));
    const bars = this.ear.all(EventName.historicalData, (id, date) => id === 9031 && !date.startsWith("finished"));
    emit("minutes", { rows: bars.map(([, unix, , , , close]) => ({ unix, close })) });
  }

  place(terms) {
    const id = this.next++;
    this.ib.placeOrder(id, stock("AAPL"), terms);
    return id;
  }

  status(id, check) {
    return this.ear.wait(EventName.orderStatus, (i, status, filled, remaining) => i === id && check(status, remaining));
  }

  async preview() {
    const id = this.place({ ...order("BUY", 10, "MKT", "preview"), whatIf: true });
    const [, , , state] = await this.ear.wait(EventName.openOrder, (i) => i === id);
    emit("preview", { commission: state.commission, margin: state.initMarginAfter, equity: state.equityWithLoanAfter });
  }

  async marketOrder() {
    const id = this.place(order("BUY", 10, "MKT", "market"));
    const [, status, filled, , average, permId] = await this.status(id, (s) => s === "Filled");
    const [, , x] = await this.ear.wait(EventName.execDetails, (_, c, x) => x.orderId === id);
    const [report] = await this.ear.wait(EventName.commissionReport, (r) => r.execId === x.execId);
    emit("filled", {
      ref: x.orderRef, order_id: id, perm_id: permId, status, filled, average, exec_id: x.execId, side: x.side, price: x.price,
      fee: report.commission, unix: unix(x.time),
    });
  }

  async restingOrder() {
    const { ib, ear } = this;
    const id = this.place(order("SELL", 4, "LMT", "resting", 200.5));
    const [, status, , , , permId] = await this.status(id, (s) => s === "Submitted");
    const [, , first] = await ear.wait(EventName.openOrder, (i) => i === id);
    emit("resting", { ref: "resting", order_id: id, perm_id: permId, status, limit: first.lmtPrice });
    ib.placeOrder(id, stock("AAPL"), order("SELL", 5, "LMT", "resting", 201.5));
    await this.status(id, (_, remaining) => remaining === 5);
    ear.forget(EventName.openOrder, EventName.openOrderEnd);
    ib.reqAllOpenOrders();
    await ear.wait(EventName.openOrderEnd);
    for (const [, c, o, state] of ear.all(EventName.openOrder)) {
      emit("modified", { ref: o.orderRef, ...echo(c, o, state) });
    }
    await this.cancel(id, "resting");
  }

  async cancel(id, ref) {
    this.ib.cancelOrder(id);
    const [, status, filled] = await this.status(id, (s) => s === "Cancelled");
    emit("cancelled", { ref, status, code: await this.error(id, 202), filled });
  }

  async refusedOrder() {
    emit("refused", { code: await this.error(this.place(order("BUY", 1, "LMT", "crooked", 99.999))) });
  }

  async cancelAll() {
    this.ib.cancelOrder(99999);
    emit("unknown_order", { code: await this.error(99999) });
    const ids = [1, 2].map((n) => this.place(order("BUY", 1, "LMT", `global ${n}`, 80)));
    for (const id of ids) await this.status(id, (s) => s === "Submitted");
    this.ib.reqGlobalCancel();
    for (const id of ids) await this.status(id, (s) => s === "Cancelled");
    const refs = ids.map((id) => this.ear.all(EventName.openOrder, (i) => i === id).at(-1)[2].orderRef);
    emit("cancelled_all", { refs });
  }

  async reports() {
    const { ib, ear } = this;
    ib.reqExecutions(9040, {});
    await ear.wait(EventName.execDetailsEnd, (id) => id === 9040);
    emit("executions", {
      rows: ear.all(EventName.execDetails, (id) => id === 9040).map(([, , x]) => ({
        exec_id: x.execId, ref: x.orderRef, quantity: x.shares, price: x.price, cum: x.cumQty, perm_id: x.permId, side: x.side, account: x.acctNumber, unix: unix(x.time),
      })),
    });
    ib.reqCompletedOrders(false);
    await ear.wait(EventName.completedOrdersEnd);
    emit("completed", {
      rows: ear.all(EventName.completedOrder).map(([, o, state]) => ({ ref: o.orderRef, perm_id: o.permId, status: state.status, filled: o.filledQuantity })),
    });
    emit("positions_after", { rows: await this.positions() });
  }

  async returnToOpenOrder() {
    const terms = order("BUY", 3, "LMT", "left", 90);
    const id = this.place({ ...terms, transmit: false });
    emit("held", { status: (await this.status(id, () => true))[1] });
    this.ib.placeOrder(id, stock("AAPL"), terms);
    await this.status(id, (s) => s === "Submitted");
    await this.disconnect();
    emit("away");
    await once(process.stdin, "data"); // the gateway has noticed
    process.stdin.destroy();
    await this.connect();
    const [found, c, o, state] = await this.ear.wait(EventName.openOrder);
    emit("found", { ref: o.orderRef, order_id: found, perm_id: o.permId, fresh_id: this.next > found, ...echo(c, o, state) });
    await this.cancel(found, "left");
  }
}

await new Walk().run();
