#!/bin/sh
set -eu
cp /opt/shop/deploy/shop.service /etc/systemd/system/shop.service
systemctl daemon-reload
systemctl enable shop
systemctl restart shop
