"""What the chapters draw: functions of plain data, so that a kept run can be drawn again."""
