"""The wire: HTTPS from sellers and buyers to an exchange.

client.py    `ExchangeClient`: every question of cpushare/market/messages.py as a method
trust.py     whom to believe: certificates of authorities, or the one a `.cpu` file pins
"""
