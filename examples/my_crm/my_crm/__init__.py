"""My CRM for offhook."""
