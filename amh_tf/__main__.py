"""The front door of all commands: python -m amh_tf COMMAND [FLAGS]"""

from amh_tf.commands import front_door

if __name__ == "__main__":
    front_door.main("python -m amh_tf")
