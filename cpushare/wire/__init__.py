"""The wire: HTTPS from sellers and buyers to an exchange.

client.py    `ExchangeClient`: every question of cpushare/market/messages.py as a method
pool.py      connections: whose certificate is believed, and which proxy they go through
"""
